"""One file a method: an adapter from `grvsnn.tasks.FoldTask` to a model and back."""
