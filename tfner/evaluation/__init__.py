"""Scores of Documents against Documents, and reports of them."""

from tfner.evaluation.report import render_markdown, render_text
from tfner.evaluation.score import Score, score

__all__ = ["Score", "render_markdown", "render_text", "score"]
