"""Quality of genotypes: checks that count and name what is suspicious, and filters.

Nothing here reads a phenotype, so that a filter may act once, before the folds.
"""
