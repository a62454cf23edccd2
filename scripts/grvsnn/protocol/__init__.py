"""The protocol: folds, targets, what a fit may see, intervals."""
