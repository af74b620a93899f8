"""The layout of column files, and their sentences."""
