"""Scores of Documents against Documents."""

from tfner.evaluation.score import Score, score

__all__ = ["Score", "score"]
