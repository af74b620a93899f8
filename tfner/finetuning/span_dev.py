"""Thresholds of span extraction, chosen on dev for one model."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tfner.config.train import TrainConfig
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.finetuning.thresholds import tune_thresholds
from tfner.tasks import Task
from tfner.tasks.span_extraction import THRESHOLDS, SpanExtraction

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)


def check_dev(config: TrainConfig, dev: list[Document]) -> None:
    """Refuse settings that have something set on dev where there is none.

    Raises:
        ConfigError: nothing is held out, or nothing with an entity.
    """
    if not config.tune_thresholds:
        return
    if not dev:
        raise ConfigError(
            "`tune_thresholds` needs a dev corpus. Received: none, and "
            f"dev_fraction={config.dev_fraction}. Give --dev, or a --dev-fraction "
            "above 0."
        )
    if not any(document.entities for document in dev):
        raise ConfigError(
            "`tune_thresholds` needs entities in the dev corpus. Received: "
            f"{len(dev)} documents without one. Give another --dev."
        )


@contextlib.contextmanager
def chosen_on_dev(
    config: TrainConfig,
    task: Task,
    model: keras.Model,
    dev: list[Document],
) -> Iterator[dict[str, Any]]:
    """Within, task and model have the thresholds that dev chose, if it was to choose.

    Yields:
        What `metrics.json` says of the thresholds.
    """
    if not isinstance(task, SpanExtraction):
        yield {}
        return
    before = {name: getattr(task, name) for name in THRESHOLDS}
    found: dict[str, Any] = {}
    if config.tune_thresholds:
        found["thresholds"] = tune_thresholds(task, model, dev)
        chosen = ", ".join(f"{n} {v:.3g}" for n, v in found["thresholds"].items())
        logger.info("chosen on dev: %s", chosen)
    try:
        yield found
    finally:
        for name, value in before.items():
            setattr(task, name, value)
