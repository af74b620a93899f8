"""Fine-tuning: from corpora and an encoder to a bundle."""
