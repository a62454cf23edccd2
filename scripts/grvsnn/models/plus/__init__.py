"""The trained parts of GRVSNN+ and their stacking."""
