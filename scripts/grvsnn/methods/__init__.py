"""One file a method: an adapter from `FoldTask` to a model and back."""
