"""Reports of pretraining: the figures of some steps, made of their sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfner.models.pretraining.electra import BINS, FIGURES

GUESSING = 0.52
"""Area under the ROC curve below which a discriminator has learnt nothing."""
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Report:
    """The figures of some steps of pretraining.

    Args:
        step: number of the last step.
        figures: means over the steps since the report before.
        seconds_per_step: mean over the same steps.
    """

    step: int
    figures: dict[str, float]
    seconds_per_step: float

    @property
    def guesses(self) -> bool:
        """True for a discriminator that does no better than guessing."""
        return self.figures.get("discriminator_auc", 1.0) < GUESSING

    def line(self, steps: int) -> str:
        """Render losses, accuracies, speed and the time that is left in one line."""
        found = self.figures
        parts = [
            f"step {self.step}/{steps}",
            f"loss {found['loss']:.3f}",
            f"mlm {found['mlm_loss']:.3f} (accuracy {found['mlm_accuracy']:.3f})",
        ]
        if "discriminator_loss" in found:
            parts.append(
                f"discriminator {found['discriminator_loss']:.4f} "
                f"(precision {found['discriminator_precision']:.3f}, "
                f"recall {found['discriminator_recall']:.3f}, "
                f"AUC {found['discriminator_auc']:.3f})"
            )
        parts.append(f"{found['tokens_per_second']:,.0f} tokens/s")
        if self.step < steps:
            parts.append(f"{_time((steps - self.step) * self.seconds_per_step)} left")
        return "  ".join(parts)


def _time(seconds: float) -> str:
    if seconds >= 2 * HOUR:
        return f"{seconds / HOUR:.1f} h"
    return (
        f"{seconds / MINUTE:.0f} min" if seconds >= 2 * MINUTE else f"{seconds:.0f} s"
    )


def figures(sums: Any) -> dict[str, float]:
    """Make figures of the sums of some steps.

    Args:
        sums: from `Sums`, (len(FIGURES) + 2 * BINS,).

    Returns:
        Losses and accuracies, each a mean over pieces; a discriminator's precision,
        recall and area under the ROC curve, of replaced pieces, where there is one.
    """
    named = dict(zip(FIGURES, sums.astype(float).tolist(), strict=False))
    masked, tokens = max(named["masked"], 1.0), max(named["tokens"], 1.0)
    found = {
        "mlm_loss": named["mlm_loss"] / masked,
        "mlm_accuracy": named["mlm_right"] / masked,
    }
    bins = sums[len(FIGURES) :].astype(np.float64).reshape(2, BINS)
    if not bins.any():
        return found
    original, wrong = bins
    kept, hits = original[: BINS // 2].sum(), wrong[BINS // 2 :].sum()
    said = hits + original[BINS // 2 :].sum()
    below = np.cumsum(original) - original / 2
    return found | {
        "discriminator_loss": named["discriminator_loss"] / tokens,
        "discriminator_accuracy": float(kept + hits) / tokens,
        "discriminator_precision": float(hits / max(said, 1.0)),
        "discriminator_recall": float(hits / max(wrong.sum(), 1.0)),
        "discriminator_auc": float(
            (wrong * below).sum() / max(wrong.sum() * original.sum(), 1.0)
        ),
        "replaced": float(wrong.sum()) / tokens,
    }
