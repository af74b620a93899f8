"""Ship a trained model: SavedModels and what serves them."""
