"""Routes: an interface a module."""
