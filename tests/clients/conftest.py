"""Exported models of random weights, their bundles, and servers that run them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

# Fixtures that `exported` is made of.
from tests.export.conftest import (  # noqa: F401
    TEXTS,
    bundle,
    result,
    saved_model,
    tiny_encoder,
    vocabulary,
)

if TYPE_CHECKING:
    from tests.clients.stub import StubServer
    from tfner.inference.bundle import Bundle

ALL_TEXTS = [*TEXTS, "", "xyzzy", "we", "anna " * 40, "paris and rome . " * 9]


class Exported(NamedTuple):
    """A bundle and its export."""

    bundle: Bundle
    directory: Path


@pytest.fixture(scope="session")
def tagger(bundle: Bundle, saved_model: Path) -> Exported:  # noqa: F811
    return Exported(bundle, saved_model)


@pytest.fixture(scope="session")
def spans(
    tmp_path_factory: pytest.TempPathFactory,
    vocabulary: Path,  # noqa: F811
) -> Exported:
    """A model that finds spans in most texts."""
    import keras

    from tfner.inference import native_bundle as bundles
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tokenization import load_tokenizer
    from tfner_export import export_saved_model

    keras.utils.set_random_seed(1)
    labels = LabelSet(["PER", "LOC"])
    task = SpanExtraction(load_tokenizer(vocabulary), labels, max_length=24)
    model = task.build(tiny_encoder(1000))
    bundles.build(model)
    model.borders.bias.assign([1.0, 1.0])
    model.pairs.output_bias.assign(2.0)
    folder = tmp_path_factory.mktemp("spans")
    made = bundles.save_bundle(
        folder / "bundle",
        task=task,
        model=model,
        training={},
        metrics={},
        selftest=Predictor(task, KerasRunner(model)).selftest(TEXTS),
    )
    written = export_saved_model(
        made, folder / "out", task_name="nested", max_length=64
    )
    return Exported(made, Path(written.saved_model))


@pytest.fixture(scope="session")
def tagger_server(tagger: Exported) -> Iterator[StubServer]:
    """Serves the tagger as `chunk`, in batches of up to 8 rows."""
    from tests.clients.stub import Batching, StubServer

    version = int(tagger.directory.name)
    with StubServer(
        {"chunk": tagger.directory},
        batching=Batching(max_batch_size=8),
        labels={"chunk": {"stable": version}},
    ) as server:
        yield server


@pytest.fixture(scope="session")
def span_server(spans: Exported) -> Iterator[StubServer]:
    """Serves the model of spans as `nested`, without batching."""
    from tests.clients.stub import StubServer

    with StubServer({"nested": spans.directory}) as server:
        yield server
