"""Saved models and what runs them."""
