"""Heads over an encoder, with their losses."""
