"""SavedModels: written, proven equal to their model, and only then published."""
