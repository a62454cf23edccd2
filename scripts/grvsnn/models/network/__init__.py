"""The paper's network: layers, compiled pass, training, tuning, interpretation."""
