"""Counts, not times: every weight is stored once, in the bundle and in its export."""

from __future__ import annotations

from pathlib import Path

from tfner.inference.bundle import Bundle
from tfner.inference.weights import WEIGHTS

NAMES = 4096
"""Most bytes that a file of weights adds for each, for its name and its place."""


def weights(bundle: Bundle) -> list[int]:
    """Bytes of every weight."""
    return [weight.numpy().nbytes for weight in bundle.load_model().weights]


def test_a_bundle_stores_every_weight_once(bundle: Bundle) -> None:
    sizes = weights(bundle)
    stored = (Path(bundle.directory) / WEIGHTS).stat().st_size
    assert sum(sizes) <= stored <= sum(sizes) + NAMES * len(sizes)


def test_a_saved_model_stores_every_weight_once(
    bundle: Bundle, saved_model: Path
) -> None:
    sizes = weights(bundle)
    files = list((saved_model / "variables").iterdir())
    stored = sum(file.stat().st_size for file in files)
    assert sum(sizes) <= stored <= sum(sizes) + NAMES * len(sizes)
