"""Raw text of pretraining: articles, and recipes that clean them."""
