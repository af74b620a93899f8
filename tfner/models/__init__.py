"""Encoders and heads, in keras.ops alone."""
