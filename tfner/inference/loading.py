"""Finds out what kind of model a directory holds, and opens it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfner.errors import BundleError
from tfner.inference.batching import Runner
from tfner.inference.bundle import (
    CONFIG,
    METRICS,
    SUMMARY,
    WEIGHTS,
    Bundle,
    local_model,
    reading,
)
from tfner.inference.external import (
    LONGEST_WINDOW,
    ForeignBundle,
    google_bundle,
    huggingface_bundle,
)
from tfner.inference.external_options import Described, Supplied
from tfner.inference.runners import KerasRunner, SavedModelRunner
from tfner.inference.span_runner import SpanRunner
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification

SAVED_MODEL = "saved_model.pb"
ASSETS = "assets"
RUNNERS: dict[tuple[str, ...], Callable[..., Runner]] = {
    TokenClassification.outputs: SavedModelRunner,
    SpanExtraction.outputs: SpanRunner,
}
"""What runs a SavedModel, by `Task.outputs`."""


def open_model(
    model: str | Path, supplied: Supplied
) -> tuple[Bundle | ForeignBundle | Described, Runner]:
    """What describes a model, and what runs it.

    Args:
        model: a bundle, a SavedModel or the directory of its versions, a Hugging Face
            token-classification directory or hub id, or a checkpoint that
            google-research/electra has fine-tuned.
        supplied: given beside it, for a SavedModel without assets or a checkpoint.

    Raises:
        BundleError: it is none of these.
        ConfigError: something was supplied that the model carries itself.
    """
    model = _here(model)
    exported = saved_model_directory(Path(model))
    if exported is not None and not (exported / ASSETS / CONFIG).is_file():
        return _open_estimator(exported, supplied)
    if exported is not None:
        supplied.refuse(model)
        bundle = Bundle(exported / ASSETS)
        with reading(exported / ASSETS / CONFIG):
            packs = bool(bundle.config["serving"]["packs"])
        return bundle, RUNNERS[tuple(bundle.task.outputs)](exported, packs=packs)
    found = open_bundle(model, supplied)
    return found, KerasRunner(found.load_model())


def _open_estimator(exported: Path, supplied: Supplied) -> tuple[Described, Runner]:
    """A SavedModel as TensorFlow 1's Estimator exported it: a graph, and no assets."""
    tokenizer, label_set = supplied.load(exported)
    run = SavedModelRunner(exported, packs=False, trims=False)
    if run.num_tags != len(label_set.tags):
        raise BundleError(
            f"{exported} predicts {run.num_tags or 'an unknown number of'} tags, the "
            f"labels are {len(label_set.tags)}. Give the labels that it was trained "
            "with."
        )
    task = supplied.task(
        exported,
        tokenizer,
        label_set,
        num_pieces=run.num_pieces(),
        max_length=run.row_length or LONGEST_WINDOW,
    )
    return Described(task), run


def open_bundle(
    model: str | Path, supplied: Supplied | None = None
) -> Bundle | ForeignBundle:
    """A bundle, or a foreign tagger that offers the same.

    Args:
        model: as for `open_model`.
        supplied: given beside it, for a checkpoint.

    Raises:
        BundleError: it is neither, or a SavedModel, which holds no Keras model.
        ConfigError: something was supplied that the model carries itself.
    """
    from tfner.checkpoints.loading import is_google

    supplied, model = supplied or Supplied(), _here(model)
    directory = Path(model)
    if saved_model_directory(directory) is not None:
        raise BundleError(
            f"{model} is a SavedModel, which holds no Keras model. Give the bundle it "
            "was exported from."
        )
    if is_google(directory):
        return google_bundle(model, supplied)
    supplied.refuse(model)
    if _is_foreign(directory):
        return huggingface_bundle(model)
    if not directory.exists():
        raise BundleError(
            f"there is no model at {model}. Give a directory that `tfner train` or "
            "`tfner export` wrote, or a Hugging Face token-classification model."
        )
    return Bundle.load(directory)


def describe_model(model: str | Path) -> dict[str, Any]:
    """What a bundle or an export says of its training, as a report takes it.

    Empty for a model that was trained elsewhere.
    """
    model = _here(model)
    exported = saved_model_directory(Path(model))
    directory = Path(model) if exported is None else exported / ASSETS
    if not (directory / METRICS).is_file() and not (directory / SUMMARY).is_file():
        return {}
    bundle = Bundle.load(directory)
    return {
        "history": bundle.metrics.get("history", []),
        "best_epoch": bundle.metrics.get("best_epoch"),
        "settings": bundle.config.get("training", {}),
        "versions": bundle.config.get("versions", {}),
    }


def _here(model: str | Path) -> str | Path:
    """The model, or a copy of a remote one."""
    if str(model).startswith(("http://", "https://", "grpc://")):
        raise BundleError(
            f"{model}: this version runs no model servers. Give a bundle or SavedModel."
        )
    return local_model(model)


def saved_model_directory(directory: Path) -> Path | None:
    """The directory of `saved_model.pb`: this one, or its newest version below."""
    if (directory / SAVED_MODEL).is_file():
        return directory
    if not directory.is_dir():
        return None
    versions = [
        path
        for pattern in ("*", "*/*")
        for path in directory.glob(pattern)
        if path.name.isdigit() and (path / SAVED_MODEL).is_file()
    ]
    return max(versions, key=lambda path: int(path.name), default=None)


def _is_foreign(directory: Path) -> bool:
    """Whether it is a Hugging Face directory, or looks like a hub id."""
    if not directory.exists():
        owner = directory.parts[0] if len(directory.parts) == 2 else ""
        return bool(owner.strip("./"))
    config = _config(directory)
    return "model_type" in config and not (directory / WEIGHTS).exists()


def _config(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
