"""What every room needs: errors, files, seeds, names, registries."""
