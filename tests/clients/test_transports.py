"""Entities through a server are those of the bundle, whatever the transport."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.conftest import ALL_TEXTS, Exported
from tfner.clients.client import AsyncServingClient, ServingClient
from tfner.errors import BundleError, ServingError
from tfner.inference.async_predictor import AsyncPredictor
from tfner.inference.predictor import Predictor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TRANSPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "columns": ("{rest}/v1/models/{name}", {}),
    "rows": ("{rest}/v1/models/{name}", {"format": "row"}),
    "grpc": ("grpc://{grpc}/{name}", {}),
    "v2": ("v2+{rest}/{name}", {}),
    "v2-grpc": ("v2+grpc://{grpc}/{name}", {}),
}


def address(transport: str, server: Any, name: str) -> tuple[str, dict[str, Any]]:
    text, settings = TRANSPORTS[transport]
    return text.format(rest=server.rest, grpc=server.grpc, name=name), {**settings}


def places(documents: list[Any]) -> list[list[tuple[int, int, str]]]:
    return [[(e.start, e.end, e.label) for e in d.entities] for d in documents]


@pytest.fixture(scope="module")
def expected(tagger: Exported) -> list[Any]:
    found = places(Predictor.of(tagger.bundle).predict(ALL_TEXTS))
    assert sum(map(len, found)) > 20
    return found


@pytest.fixture(scope="module")
def expected_spans(spans: Exported) -> list[Any]:
    found = places(Predictor.of(spans.bundle).predict(ALL_TEXTS))
    assert sum(map(len, found)) > 5
    return found


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("max_rows", [8, 3, 1])
def test_taggers(
    transport: str,
    max_rows: int,
    tagger: Exported,
    tagger_server: Any,
    expected: list[Any],
) -> None:
    place, settings = address(transport, tagger_server, "chunk")
    predictor = Predictor.load(
        place, assets=tagger.directory, max_rows=max_rows, verify=True, **settings
    )
    assert places(predictor.predict(ALL_TEXTS)) == expected


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_models_of_spans(
    transport: str, spans: Exported, span_server: Any, expected_spans: list[Any]
) -> None:
    place, settings = address(transport, span_server, "nested")
    for max_rows in (None, 3):
        predictor = Predictor.load(
            place, assets=spans.directory, max_rows=max_rows, **settings
        )
        assert places(predictor.predict(ALL_TEXTS)) == expected_spans


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_without_blocking(
    transport: str, tagger: Exported, tagger_server: Any, expected: list[Any]
) -> None:
    place, settings = address(transport, tagger_server, "chunk")

    async def ask() -> list[list[Any]]:
        settings["max_rows"] = 3
        loaded = AsyncPredictor.load(place, assets=tagger.directory, **settings)
        async with loaded as predictor:
            return await asyncio.gather(
                *(predictor.predict(ALL_TEXTS[i::3]) for i in range(3))
            )

    parts = asyncio.run(ask())
    assert [places(part) for part in parts] == [expected[i::3] for i in range(3)]


def test_clients_whose_requests_share_a_batch_get_their_own_entities(
    tagger: Exported, tagger_server: Any, expected: list[Any]
) -> None:
    (model,) = tagger_server.models.versions["chunk"].values()
    before = len(model.batcher.sizes)
    predictors = [
        Predictor.load(place, assets=tagger.directory, max_rows=2, **settings)
        for place, settings in (
            address(name, tagger_server, "chunk") for name in TRANSPORTS
        )
    ]
    with ThreadPoolExecutor(len(predictors)) as pool:
        for found in pool.map(lambda p: p.predict(ALL_TEXTS), predictors):
            assert places(found) == expected
    assert max(model.batcher.sizes[before:]) > 2


@pytest.mark.parametrize("assets", ["version", "versions", "assets", "bundle"])
def test_assets_may_be_an_export_or_the_bundle(
    assets: str, tagger: Exported, tagger_server: Any, expected: list[Any]
) -> None:
    directory = {
        "version": tagger.directory,
        "versions": tagger.directory.parent,
        "assets": tagger.directory / "assets",
        "bundle": tagger.bundle.directory,
    }[assets]
    place, _ = address("grpc", tagger_server, "chunk")
    predictor = Predictor.load(place, assets=directory, max_rows=8)
    assert places(predictor.predict(ALL_TEXTS)) == expected


def test_a_version_and_a_label_lead_to_the_model(
    tagger: Exported, tagger_server: Any, expected: list[Any]
) -> None:
    for transport, ends in {
        "columns": ("/labels/stable", f"/versions/{tagger.directory.name}"),
        "grpc": ("/labels/stable", f"/versions/{tagger.directory.name}"),
        "v2": (f"/versions/{tagger.directory.name}",),
        "v2-grpc": (f"/versions/{tagger.directory.name}",),
    }.items():
        place, settings = address(transport, tagger_server, "chunk")
        for end in ends:
            predictor = Predictor.load(
                place + end, assets=tagger.directory, max_rows=8, **settings
            )
            assert places(predictor.predict(ALL_TEXTS[:2])) == expected[:2]


def test_the_export_says_how_many_rows_its_server_takes(
    tagger: Exported, tagger_server: Any, tmp_path: Path, expected: list[Any]
) -> None:
    config = json.loads((tagger.directory / "assets" / "config.json").read_text())
    place, _ = address("grpc", tagger_server, "chunk")
    copy = tmp_path / "assets"
    copy.mkdir()
    for path in (tagger.directory / "assets").iterdir():
        (copy / path.name).symlink_to(path)
    for max_rows in (8, 9):
        (copy / "config.json").unlink()
        config["serving"]["max_rows"] = max_rows
        (copy / "config.json").write_text(json.dumps(config))
        predictor = Predictor.load(place, assets=copy)
        if max_rows == 8:
            assert places(predictor.predict(ALL_TEXTS * 3)) == expected * 3
    with pytest.raises(ServingError, match=r"takes 8 rows at once.*--max-rows 8"):
        predictor.predict(ALL_TEXTS * 3)


def test_outputs_of_arrays_are_alike(tagger: Exported, tagger_server: Any) -> None:
    """Strings too, and the only output of a signature, which REST does not name."""
    ids = np.tile(np.array([2, 5, 6, 7, 3] + [0] * 59, np.int32), (3, 1))
    positions = np.tile(np.array([1, 2, 3] + [0] * 61, np.int32), (3, 1))
    inputs = {
        "input_ids": ids,
        "input_mask": (ids > 0).astype(np.int32),
        "segment_ids": ids * 0,
        "labeled_positions": positions,
    }
    answers = []
    for name in TRANSPORTS:
        place, settings = address(name, tagger_server, "chunk")
        with ServingClient(place, max_rows=2, **settings) as client:
            found = client.predict(inputs)
            tags = client.predict(inputs, signature="tags")["chunk_tags"]

        async def ask(place: str, settings: Any) -> Any:
            async with AsyncServingClient(place, max_rows=2, **settings) as client:
                return await client.predict(inputs)

        again = asyncio.run(ask(place, settings))
        np.testing.assert_array_equal(found["chunk_probs"], again["chunk_probs"])
        text = [[t.decode() if isinstance(t, bytes) else t for t in r] for r in tags]
        answers.append((found["chunk_probs"], found["chunk_predictions"], text))
    for probs, predictions, text in answers:
        assert probs.dtype == np.float32
        np.testing.assert_array_equal(probs, answers[0][0])
        np.testing.assert_array_equal(predictions, answers[0][1])
        assert text == answers[0][2]


def test_assets_of_other_labels_are_refused(
    tagger: Exported, spans: Exported, tagger_server: Any, span_server: Any
) -> None:
    place, _ = address("grpc", tagger_server, "chunk")
    with pytest.raises(ServingError, match=r"has no signature 'spans'\. It has .*tags"):
        Predictor.load(place, assets=spans.directory).predict(["anna"])
    place, _ = address("grpc", span_server, "nested")
    with pytest.raises(ServingError, match=r"takes input_ids.*Give the assets"):
        Predictor.load(place, assets=tagger.directory).predict(["anna"])


def test_assets_of_fewer_tags_are_refused(
    tagger: Exported, tagger_server: Any, tmp_path: Path
) -> None:
    from tfner.schemes import LabelSet

    copy = tmp_path / "assets"
    copy.mkdir()
    for path in (tagger.directory / "assets").iterdir():
        if path.name != "labels.json":
            (copy / path.name).symlink_to(path)
    labels = LabelSet(["PER"]).to_json()
    (copy / "labels.json").write_text(json.dumps(labels))
    place, _ = address("columns", tagger_server, "chunk")
    predictor = Predictor.load(place, assets=copy)
    with pytest.raises(ServingError, match="predicts 5 tags, that of the assets 3"):
        predictor.predict(["anna met bert"])


PROBE = """
import json, sys
from tfner.cli.main import app
try:
    app(sys.argv[1:], standalone_mode=False)
finally:
    heavy = {"tensorflow", "keras", "torch", "transformers"} & set(sys.modules)
    print(json.dumps(sorted(heavy)), file=sys.stderr)
"""


def run(*words: str) -> tuple[str, list[str]]:
    """What the command line prints, and which heavy packages it has loaded."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "export")])
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


def test_the_command_line_asks_servers_without_tensorflow(
    tagger: Exported, tagger_server: Any, expected: list[Any], tmp_path: Path
) -> None:
    text = ALL_TEXTS[0]
    options = ("--assets", str(tagger.directory), "--max-rows", "8", "--timeout", "30")
    for transport in ("columns", "grpc"):
        place, _ = address(transport, tagger_server, "chunk")
        printed, heavy = run("predict", place, *options, "--text", text)
        assert heavy == []
        found = json.loads(printed)["entities"]
        assert [(e["start"], e["end"], e["label"]) for e in found] == expected[0]
    entities = [{"start": s, "end": e, "label": label} for s, e, label in expected[0]]
    gold = {"text": text, "entities": entities}
    corpus = tmp_path / "gold.jsonl"
    corpus.write_text(json.dumps(gold) + "\n")
    options = (*options, "--header", "X-Who: me")
    printed, heavy = run("evaluate", place, str(corpus), *options, "--json")
    assert heavy == []
    assert json.loads(printed)["f1"] == 1
    assert any(headers.get("x-who") == "me" for _, headers in tagger_server.seen)


def test_a_server_gives_no_keras_model(tagger: Exported) -> None:
    from tfner import Bundle

    bundle = Bundle.load("grpc://host/chunk", assets=tagger.directory)
    with pytest.raises(BundleError, match="is on a server, which gives no Keras model"):
        bundle.load_model()
