"""The records that pretraining reads, and how they are made."""
