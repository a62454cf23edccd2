"""Statistical models, which know nothing of folds and files."""
