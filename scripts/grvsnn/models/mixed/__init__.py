"""Mixed models with several kernels, by REML."""
