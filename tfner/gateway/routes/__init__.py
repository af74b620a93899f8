"""What the gateway answers, an interface a module."""
