"""Figures of the report, each a function of tables and paths to write."""
