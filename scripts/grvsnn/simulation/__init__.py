"""Simulated populations of known truth."""
