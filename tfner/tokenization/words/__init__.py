"""Word splitters: raw text to the words whose pieces a model sees."""
