"""Scores, comparisons and predictions as people read them."""
