"""Genomic prediction with gated residual variable selection neural networks."""

__version__ = "0.1.0"
