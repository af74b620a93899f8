"""What lies beside the graph suits it: warm-up requests, batches, sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tfner.clients.protos import PredictionLog, SignatureDef, read_tensor
from tfner.errors import ExportError

from ..conftest import TEXTS, tiny_encoder

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle


def requests(version: Path) -> list[tuple[str, dict[str, Any]]]:
    """What the server will run, read as it reads it."""
    import tensorflow as tf

    found = []
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = PredictionLog.FromString(record)
        assert log.WhichOneof("choice") == "predict_log"
        request = log.predict_log.request
        inputs = {key: read_tensor(t) for key, t in request.inputs.items()}
        found.append((request.model_spec.signature_name, inputs))
    return found


def serving(version: Path) -> dict[str, Any]:
    text = (version / "assets" / "config.json").read_text(encoding="utf-8")
    settings: dict[str, Any] = json.loads(text)["serving"]
    return settings


@pytest.mark.slow
def test_every_signature_is_warmed_up_within_the_limits(
    result: Any, bundle: Bundle
) -> None:
    version = result.saved_model
    found = requests(version)
    assert {name for name, _ in found} == set(result.signatures)
    assert 0 < len(found) <= 1000
    for _, inputs in found:
        (rows,) = {len(array) for array in inputs.values()}
        assert 0 < rows <= serving(version)["max_rows"]
    masks = [i["input_mask"] for name, i in found if name == "serving_default"]
    lengths = {tuple((mask > 0).sum(1)) for mask in masks}
    assert {(16,), (32,), (64,)} < lengths  # each class of lengths, and real texts
    real = next(i for name, i in found if name == "serving_default")
    words = (real["labeled_positions"] > 0).sum(1)
    texts = bundle.selftest.texts
    assert words[0] == len(texts[0].split()) > 0


@pytest.mark.slow
def test_few_rows_make_small_requests(bundle: Bundle, tmp_path: Path) -> None:
    from tfner_export import export_saved_model

    out = export_saved_model(bundle, tmp_path, max_length=64, max_rows=1)
    version = out.saved_model
    assert {len(i["input_ids"]) for _, i in requests(version)} == {1}
    assert serving(version)["max_rows"] == out.details["max_rows"] == 1
    text = (version / "batching_params.pbtxt").read_text(encoding="utf-8")
    assert "max_batch_size {\n  value: 1\n}" in text


@pytest.mark.slow
def test_a_request_that_fails_keeps_the_version_back(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner_export import export_saved_model
    from tfner_export.server_files import warmup

    good = warmup.fit

    def bad(*args: Any) -> Any:
        return {**good(*args), "input_ids": np.zeros((1, 3), np.int32)}

    monkeypatch.setattr(warmup, "fit", bad)
    with pytest.raises(ExportError, match=r"not published: its signature .* warm-up"):
        export_saved_model(bundle, tmp_path, max_length=64)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_the_memory_of_a_row_is_what_its_largest_layer_takes(result: Any) -> None:
    sizes = serving(result.saved_model)
    length, heads, hidden = 64, 2, 32
    attention = 4 * heads * length * length
    activations = 4 * length * hidden
    least, most = attention + activations, attention + 20 * activations
    assert 2 * least < sizes["row_bytes"] < 2 * most
    weights = result.saved_model / "variables" / "variables.data-00000-of-00001"
    assert sizes["weight_bytes"] >= weights.stat().st_size


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Path:
    """The export of a span model with random weights."""
    import keras

    from tfner.inference import native_bundle as bundles
    from tfner.inference.predictor import Predictor
    from tfner.inference.runners import KerasRunner
    from tfner.schemes import LabelSet
    from tfner.tasks.span_extraction import SpanExtraction
    from tfner.tokenization import load_tokenizer
    from tfner_export import export_saved_model

    keras.utils.set_random_seed(0)
    labels = LabelSet(["PER", "LOC"])
    tokenizer = load_tokenizer(vocabulary)
    task = SpanExtraction(tokenizer, labels, max_length=24, span_threshold=0.5)
    model = task.build(tiny_encoder(1000))
    bundles.build(model)
    folder = tmp_path_factory.mktemp("spans")
    bundle = bundles.save_bundle(
        folder / "bundle",
        task=task,
        model=model,
        training={},
        metrics={},
        selftest=Predictor(task, KerasRunner(model)).selftest(TEXTS),
    )
    return export_saved_model(bundle, folder / "out", max_length=64).saved_model


@pytest.mark.slow
def test_span_models_are_warmed_up_and_never_batched(
    spans: Path,
) -> None:
    found = requests(spans)
    names = [name for name, _ in found]
    assert names.count("serving_default") > 2
    assert not serving(spans)["batched"]
    assert not (spans / "batching_params.pbtxt").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("found", "rows"), [([0, 3, 1], 3), ([9, 1], 1), ([9, 0], 0)])
def test_a_request_for_spans_has_as_many_rows_as_spans(
    found: list[int], rows: int
) -> None:
    """A server that batches them in spite of the manual can divide the answer then."""
    from tfner_export.server_files.warmup import one_span_a_row

    class Graph:
        def __init__(self) -> None:
            self.signatures = {"spans": SignatureDef()}
            for key in ("input_ids", "input_mask"):
                dims = self.signatures["spans"].inputs[key].tensor_shape.dim
                dims.add(size=-1)
                dims.add(size=4)

        def run(self, name: str, arrays: Any) -> Any:
            return {"rows": [0] * int(arrays["input_ids"][:, 0].sum())}

    ids = np.zeros((len(found), 4), np.int32)
    ids[:, 0] = found
    batch = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    requests = list(one_span_a_row(Graph(), [batch], 8))
    assert len(requests) == bool(rows)
    for _, arrays in requests:
        assert [len(array) for array in arrays.values()] == [rows, rows]
        assert len(Graph().run("spans", arrays)["rows"]) == rows
