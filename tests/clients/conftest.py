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
    make_span_bundle,
    result,
    saved_model,
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
    from tfner_export import export_saved_model

    folder = tmp_path_factory.mktemp("spans")
    made = make_span_bundle(folder / "bundle", vocabulary)
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
