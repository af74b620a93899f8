"""Encoders, one module a family."""
