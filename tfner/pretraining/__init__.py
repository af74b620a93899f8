"""Pretraining: from raw text to an encoder."""
