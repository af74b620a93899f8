"""Raw text of pretraining: articles, and how they are cleaned."""
