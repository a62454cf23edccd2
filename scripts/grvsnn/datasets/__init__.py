"""One module per raw format: files in, a `PreparedDataset` out."""
