"""Word splitters, which cut raw text into the words that a model labels."""
