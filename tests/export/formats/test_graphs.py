"""Exports for engines find what their model finds, and say what they lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfner.document import Document
from tfner.errors import BundleError, ConfigError, ExportError, TfnerError

from ..conftest import TEXTS, make_bundle, make_span_bundle

pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")
pytest.importorskip("ai_edge_litert")
pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

FORMATS = ("onnx", "openvino")
FEWER_DIGITS = [
    ("onnx", "int8", False),
    ("onnx", "int8", True),
    ("openvino", "bfloat16", False),
    ("openvino", "int8", False),
    ("openvino", "int8", True),
    ("litert", "int8", False),
]


def export(bundle: Bundle, folder: Path, *, format: str, **settings: Any) -> Any:
    from tfner_export.exporter import Serving
    from tfner_export.publish import export

    trial = settings.pop("trial", None)
    serving = Serving(**settings)
    return export(bundle, folder, format=format, serving=serving, trial=trial)


@pytest.fixture(scope="module", params=["softmax", "crf", "spans"])
def any_bundle(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    vocabulary: Path,
) -> Bundle:
    """A tagger that reads words by themselves or as a sequence, or nested spans."""
    folder = tmp_path_factory.mktemp("model") / request.param
    if request.param == "spans":
        return make_span_bundle(folder, vocabulary)
    more = {"head": "crf", "decode": "viterbi", "pool": "mean"}
    return make_bundle(folder, vocabulary, **(more if request.param == "crf" else {}))


@pytest.mark.parametrize("format", FORMATS)
def test_a_graph_finds_what_its_model_finds(
    any_bundle: Bundle, tmp_path: Path, format: str
) -> None:
    from tfner.inference.predictor import Predictor

    result = export(any_bundle, tmp_path / "out", format=format)
    assert result.max_abs_difference < 2e-5
    assert result.details["mebibytes"] > 0
    assert result.details["milliseconds"] > 0
    texts = [*TEXTS, "", *(" ".join(TEXTS[:n]) for n in range(9))]
    own = Predictor.load(any_bundle.directory).predict(texts)
    found = Predictor.load(result.directory, verify=True).predict(texts)
    assert [f.entities for f in found] == [o.entities for o in own]
    assert [f.tags for f in found] == [o.tags for o in own]
    assert any(document.entities for document in own)


@pytest.mark.parametrize(("format", "precision", "calibrated"), FEWER_DIGITS)
def test_graphs_of_fewer_digits_are_smaller_and_near_the_model(
    bundle: Bundle, tmp_path: Path, format: str, precision: str, calibrated: bool
) -> None:
    from tfner.inference.predictor import Predictor
    from tfner_export.trial import Trial

    if (format, precision) == ("openvino", "int8"):
        pytest.importorskip("nncf")
    documents = Predictor.load(bundle.directory).predict(TEXTS)
    result = export(
        bundle,
        tmp_path / "out",
        format=format,
        precision=precision,
        calibrate=documents if calibrated else (),
        trial=Trial(documents),
    )
    assert 0 < result.max_abs_difference < 0.5
    assert result.details["f1_before"] == 1.0
    assert result.details["f1_after"] > 0.5
    # The stored entities are its own, and its precision is the stored one.
    found = Predictor.load(result.directory, verify=True).predict(TEXTS)
    expected = [set(document.entities) for document in documents]
    same = sum(len(e & set(f.entities)) for e, f in zip(expected, found, strict=True))
    assert same > 0.5 * sum(map(len, expected))


def test_an_export_that_loses_too_much_is_not_published(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfner.inference.graph_runner import GraphRunner
    from tfner.inference.predictor import Predictor
    from tfner_export.trial import Trial

    documents = Predictor.load(bundle.directory).predict(TEXTS)
    trial = Trial(documents, max_f1_loss=1.0)
    result = export(bundle, tmp_path / "good", format="onnx", trial=trial)
    assert (result.details["f1_before"], result.details["f1_after"]) == (1.0, 1.0)

    right = GraphRunner.__call__
    monkeypatch.setattr(  # tags in the reverse order
        GraphRunner,
        "__call__",
        lambda *args: {"probs": right(*args)["probs"][..., ::-1]},
    )
    with pytest.raises(ExportError, match=r"F1 is 0\.\d+.*--max-f1-loss allows 1"):
        trial.run(_source(bundle), tmp_path / "good")
    with pytest.raises(ExportError, match="not published"):
        export(bundle, tmp_path / "bad", format="onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def _source(bundle: Bundle) -> Any:
    from tfner_export.exporter import Serving, Source

    return Source(bundle, Serving())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "onnx", "precision": "bfloat16"}, "float32 or int8. Received: bf"),
        ({"format": "huggingface", "precision": "int8"}, "no use for --precision"),
        ({"format": "onnx", "calibrate": [Document("1", "a")]}, "--precision float32"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    bundle: Bundle, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigError, ExportError), match=message):
        export(bundle, tmp_path / "out", **settings)
    assert list(tmp_path.iterdir()) == []


def test_a_limit_needs_a_corpus() -> None:
    from tfner_export.trial import Trial

    with pytest.raises(ConfigError, match="by --dev"):
        Trial((), max_f1_loss=1.0)


def test_litert_takes_a_tagger_and_refuses_what_it_lacks_operators_for(
    bundle: Bundle, tmp_path: Path, vocabulary: Path
) -> None:
    from tfner.inference.predictor import Predictor

    result = export(bundle, tmp_path / "out", format="litert")
    assert result.max_abs_difference < 2e-5
    own = Predictor.load(bundle.directory).predict(TEXTS)
    found = Predictor.load(result.directory, verify=True).predict(TEXTS)
    assert [f.entities for f in found] == [o.entities for o in own]
    crf = make_bundle(tmp_path / "crf", vocabulary, head="crf")
    with pytest.raises(ConfigError, match=r"a CRF.*ONNX Runtime"):
        export(crf, tmp_path / "none", format="litert")
    texts = [Document("1", "a")]
    with pytest.raises(ConfigError, match="no use for --calibrate"):
        export(bundle, tmp_path / "none", format="litert", calibrate=texts)
    assert not (tmp_path / "none").exists()


def test_engines_get_no_pipe_and_no_link_in_a_ring(
    bundle: Bundle, tmp_path: Path
) -> None:
    from tfner.inference.predictor import Predictor

    out = export(bundle, tmp_path / "out", format="openvino").directory
    (out / "digests.json").unlink()
    weights = out / "model.bin"
    for make in (os.mkfifo, lambda path: path.symlink_to(path)):
        weights.unlink()
        make(weights)
        with pytest.raises(TfnerError, match=r"model\.bin: (must be|is a link)"):
            Predictor.load(out, digests=False)
    weights.unlink()
    shutil.copyfile(out / "model.xml", weights)
    os.mkfifo(out / "assets" / "more")  # as weights in files of their own may lie
    with pytest.raises(TfnerError, match="more: must be a regular file"):
        Predictor.load(out)


def test_damaged_graphs_are_one_sentence(bundle: Bundle, tmp_path: Path) -> None:
    from tfner.inference.predictor import Predictor

    for format, file in (("onnx", "model.onnx"), ("openvino", "model.xml")):
        out = export(bundle, tmp_path / format, format=format).directory
        (out / "digests.json").unlink()
        content = (out / file).read_bytes()
        (out / file).write_bytes(content[: len(content) // 2])
        with pytest.raises(BundleError, match=f"{file} cannot be loaded: "):
            Predictor.load(out)
