"""The paper's network as a scikit-learn estimator, on disk, and for new animals."""
