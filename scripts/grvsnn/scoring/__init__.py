"""Scores of predictions and selections, and tests between methods."""
