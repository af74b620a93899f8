"""The assets of an exported graph: a bundle without its weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.saved_graph import ASSETS
from tfner.errors import counted
from tfner.inference.bundle import SelfTest
from tfner.inference.native_bundle import SELFTEST, describe, write_description
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.storage.atomic import write_json

if TYPE_CHECKING:
    from tfner_export.exporter import Source

logger = logging.getLogger("tfner.export")

TEXTS = (
    "Angela Merkel met Tim Cook of Apple in Berlin on 3 March 2015 .",
    "安倍晋三は2015年に東京でトヨタ自動車を訪れた。",
)
"""Predicted by a model that comes without a self-test; what comes out is stored."""


def selftest_of(source: Source) -> SelfTest:
    """Texts and what the model finds in them."""
    stored = source.bundle.selftest
    if stored.texts:
        return stored
    return Predictor(source.bundle.task, KerasRunner(source.model)).selftest(TEXTS)


def renew_selftest(
    stage: Path, predictor: Predictor, selftest: SelfTest, precision: str
) -> None:
    """Store what an export of fewer digits finds itself, and tell how that differs.

    Args:
        stage: holds the export and its assets.
        predictor: of the export.
        selftest: texts and what the model finds in them.
        precision: for the note.
    """
    own = predictor.selftest(selftest.texts)
    write_json(stage / ASSETS / SELFTEST, own.to_json())
    total = counted(sum(map(len, selftest.entities)), "entity", "entities")
    logger.info(
        "%s: of %s in the self-test's texts %d are lost or new",
        *(precision, total, own.changes_from(selftest)),
    )


def write_assets(
    assets: Path, source: Source, selftest: SelfTest, **serving: Any
) -> None:
    """Write a bundle without its weights, for whoever runs the graph.

    Args:
        assets: directory.
        source: what was exported.
        selftest: texts and what the model finds in them.
        **serving: what those who run the graph need to know of it.
    """
    bundle, model = source.bundle, source.model
    serving = {"packs": bool(getattr(model.encoder, "packs", False)), **serving}
    assets.mkdir(exist_ok=True)
    write_description(
        assets,
        config={**describe(bundle.task, model), **bundle.config, "serving": serving},
        task=bundle.task,
        metrics=bundle.metrics,
        selftest=selftest,
    )
