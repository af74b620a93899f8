"""What a model is trained for: how documents become windows and back."""
