"""Benchmarks of this project's own code against named peers; run by `make bench`."""
