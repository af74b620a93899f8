"""Machinery that fine-tuning and pretraining share."""
