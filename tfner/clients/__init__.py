"""Clients of model servers; nothing here loads TensorFlow."""
