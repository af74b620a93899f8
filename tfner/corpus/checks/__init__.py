"""Checks of corpus files, and the repair of their tags."""
