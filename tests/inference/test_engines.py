"""Engines: the fastest that is there and finds what the model found."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tfner.document import Entity
from tfner.errors import BundleError, ConfigError
from tfner.inference import engines
from tfner.inference.bundle import Bundle, SelfTest
from tfner.inference.engines import FASTEST, choose
from tfner.inference.predictor import Predictor
from tfner.inference.static_shapes import padded_shape

TEXTS = ("anna lives in paris", "", "we flew from oslo to lima on monday " * 4)
FOUND = tuple(Entity(n, n + 1, "PER") for n in range(10))


class Fakes:
    """Engines of which some fail; what they make is their name."""

    instead = "Take another."

    def __init__(self, broken: Mapping[str, Exception], **fastest: Sequence[str]):
        self.broken, self.fastest = broken, fastest or FASTEST

    def runner(self, engine: str, precision: str) -> Any:
        if engine in self.broken:
            raise self.broken[engine]
        return engine


def make(
    *,
    broken: Mapping[str, Exception] | None = None,
    lost: Mapping[str, int] | None = None,
    fastest: Mapping[str, Sequence[str]] | None = None,
    **asked: str | None,
) -> Any:
    """Choose among fakes, some of which lose entities of the self-test."""
    fakes = Fakes(broken or {}, **(fastest or {}))
    stored = SelfTest(("text",), (FOUND,))
    bundle = SimpleNamespace(
        directory=Path("model"), selftest=stored, engines=lambda: fakes
    )

    def find(run: Any) -> SelfTest:
        return SelfTest(("text",), (FOUND[(lost or {}).get(run, 0) :],))

    return choose(bundle, find, **asked)  # type: ignore[arg-type]


def test_auto_takes_the_fastest_in_float32_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    assert make(engine="auto") == "openvino"
    assert caplog.messages == ["engine: OpenVINO, float32"]
    assert make(precision="int8") == "onnxruntime"


def test_engines_that_fail_are_passed_over_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    absent = ConfigError("OpenVINO is not installed")
    chosen = make(engine="auto", broken={"openvino": absent}, lost={"onnxruntime": 1})
    assert chosen == "tensorflow"
    (told,) = caplog.messages
    assert told.startswith("engine: TensorFlow, float32; OpenVINO is not installed; ")
    assert "of 10 entities in its self-test 1 are lost or new" in told


@pytest.mark.parametrize(
    ("asked", "lost", "passes"),
    [
        ({"engine": "openvino"}, 1, False),
        ({"engine": "openvino", "precision": "bfloat16"}, 3, True),
        ({"engine": "openvino", "precision": "bfloat16"}, 5, False),
    ],
)
def test_fewer_digits_may_lose_a_few_entities_and_float32_none(
    asked: dict[str, str], lost: int, passes: bool
) -> None:
    if passes:
        assert make(lost={"openvino": lost}, **asked) == "openvino"
        return
    with pytest.raises(BundleError, match=f"10 entities .* {lost} are lost or new"):
        make(lost={"openvino": lost}, **asked)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"engine": "opnvino"}, "did you mean 'openvino'"),
        ({"precision": "int4"}, "Known: bfloat16, float32, int8"),
        ({"engine": "tensorflow", "precision": "int8"}, "int8: onnxruntime, litert. T"),
        (
            {"engine": "litert", "precision": "bfloat16"},
            "engine=litert, precision=bfloat16",
        ),
    ],
)
def test_what_no_engine_does_is_refused_in_a_sentence(
    asked: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make(**asked)


def test_an_export_is_run_as_it_was_made() -> None:
    assert make(engine="auto", fastest={"int8": ("openvino",)}) == "openvino"
    with pytest.raises(ConfigError, match="There are int8: openvino"):
        make(precision="float32", fastest={"int8": ("openvino",)})


def test_an_engine_that_is_not_installed_is_told_before_the_model_loads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load() -> Any:
        pytest.fail("the model was loaded")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("openvino", "onnxruntime"):
        with pytest.raises(ConfigError, match=rf"pip install 'tfner\[{name}\]'"):
            engines.KerasEngines(load).runner(name, "float32")


def test_batches_of_any_size_have_few_shapes() -> None:
    batches = [(b, s) for s in range(16, 513, 16) for b in range(1, 2048 // s + 1)]
    shapes = {padded_shape(*batch) for batch in batches}
    assert len(shapes) < 80 < len(batches) / 4
    assert all(b * s <= 4096 for b, s in shapes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "precision"),
    [
        ("auto", None),
        ("tensorflow", None),
        ("xla", None),
        ("openvino", "float32"),
        ("openvino", "bfloat16"),
        ("onnxruntime", "float32"),
        ("onnxruntime", "int8"),
        ("litert", "float32"),
        ("litert", "int8"),
    ],
)
def test_engines_find_what_the_model_finds(
    bundle: Bundle, engine: str, precision: str | None
) -> None:
    needed = {"litert": "ai_edge_litert"}.get(engine, engine)
    if needed not in ("auto", "xla"):
        pytest.importorskip(needed)
    expected = Predictor.of(bundle).predict(TEXTS)
    predictor = Predictor.load(bundle.directory, engine=engine, precision=precision)
    found = predictor.predict(TEXTS)
    old, new = ({*d.entities} for d in (expected[2], found[2]))
    assert old
    if precision in (None, "float32"):
        assert [d.entities for d in found] == [d.entities for d in expected]
        scores = [
            [e.score for d in many for e in d.entities] for many in (found, expected)
        ]
        assert scores[0] == pytest.approx(scores[1], abs=2e-5)
    else:
        # Labels of a model that has learnt nothing are near ties: many change.
        assert len(old & new) > 0.5 * len(old)
        before, after = (
            {e: e.score for e in d.entities} for d in (expected[2], found[2])
        )
        assert all(abs(before[e] - after[e]) < 0.1 for e in old & new)


@pytest.mark.slow
def test_exports_and_servers_have_no_other_engine(
    bundle: Bundle, tmp_path: Path
) -> None:
    from tfner_export import export_saved_model

    exported = export_saved_model(bundle, tmp_path, max_length=32).saved_model
    assert Predictor.load(exported, engine="tensorflow").predict(TEXTS)[0].entities
    with pytest.raises(ConfigError, match="run by TensorFlow alone"):
        Predictor.load(exported, engine="openvino")
    address = "http://localhost:1/v1/models/chunk"
    with pytest.raises(ConfigError, match="Leave out --engine"):
        Predictor.load(address, assets=bundle.directory, engine="auto")


@pytest.mark.slow
def test_graphs_are_traced_few_times(
    make_encoder: Callable[..., Any], make_model: Callable[[Any], Any], task: Any
) -> None:
    """Counts of what makes prediction slow unseen: traces and compiled shapes."""
    from tfner.inference.runners import KerasRunner
    from tfner.inference.static_shapes import StaticShapes

    model = make_model(make_encoder(num_layers=1))
    plain, compiled = KerasRunner(model), KerasRunner(model, jit_compile=True)
    texts = ["anna in paris " * (n % 9) for n in range(200)]
    for run in (plain, StaticShapes(compiled)):
        for start in range(0, 200, 40):
            Predictor(task, run).predict(texts[start : start + 40])
    assert plain._run.experimental_get_tracing_count() <= 2
    assert compiled._run.experimental_get_tracing_count() <= 6


@pytest.mark.slow
def test_a_layer_adds_few_operators_to_a_graph(
    make_encoder: Callable[..., Any], make_model: Callable[[Any], Any]
) -> None:
    pytest.importorskip("onnx")
    from tfner.engines.onnx_graph import build

    sizes = [
        len(build(make_model(make_encoder(num_layers=layers))).graph.node)
        for layers in (1, 2)
    ]
    assert sizes[1] - sizes[0] <= 45
