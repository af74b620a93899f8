"""Models that pretraining fits."""
