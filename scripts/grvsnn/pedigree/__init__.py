"""Pedigrees, relationships and their eigen-loadings."""
