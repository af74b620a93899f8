"""Descriptions of models, read without their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfner.checkpoints.saved_graph import ASSETS
from tfner.clients.addresses import is_address
from tfner.inference.adapters import BASE
from tfner.inference.loading import exported_directory
from tfner.inference.native_bundle import (
    METRICS,
    SUMMARY,
    NativeBundle,
    local_model,
    native_bundle,
)


def describe_model(model: str | Path) -> dict[str, Any]:
    """Read what a model tells of its training, as a report takes it.

    Empty for a model that was trained elsewhere.
    """
    bundle = _described(model)
    if bundle is None:
        return {}
    return {
        "history": bundle.metrics.get("history", []),
        "best_epoch": bundle.metrics.get("best_epoch"),
        "settings": bundle.config.get("training", {}),
        "versions": bundle.config.get("versions", {}),
    }


def lacks_encoder(model: str | Path) -> bool:
    """Tell whether a model was saved without its encoder.

    Raises:
        BundleError: it is damaged, or comes from a newer tfner.
    """
    bundle = _described(model)
    return bundle is not None and BASE in bundle.config["model"]


def _described(model: str | Path) -> NativeBundle | None:
    """The description of a model, which may hold no weights; None without a training.

    Raises:
        BundleError: it is damaged, or comes from a newer tfner.
    """
    if is_address(model):
        return None
    directory = Path(local_model(model))
    exported = exported_directory(directory)
    if exported is not None:
        directory = exported / ASSETS
    if not (directory / METRICS).is_file() and not (directory / SUMMARY).is_file():
        return None
    return native_bundle(directory)
