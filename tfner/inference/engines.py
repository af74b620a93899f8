"""The engine that computes a model: asked for by name, or the fastest that is there.

Every engine is run on the self-test of the model before it is used. In float32 it must
find every entity that was found when the model was saved; with fewer digits, most.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, get_args

from tfner.config.choices import Engine, EnginePrecision
from tfner.engines import ENGINES
from tfner.errors import BundleError, ConfigError, counted, unknown
from tfner.inference.batching import Runner
from tfner.inference.graph_runner import GraphRunner

if TYPE_CHECKING:
    import keras
    import onnx

    from tfner.inference.bundle import Bundle, SelfTest

logger = logging.getLogger(__name__)

AUTO, TENSORFLOW, XLA, LITERT = "auto", "tensorflow", "xla", "litert"
EXACT = "float32"
PROGRAMS = {TENSORFLOW: "TensorFlow", XLA: "TensorFlow with XLA"} | {
    name: engine.program for name, engine in ENGINES.items()
}
"""Engines by the names that options have for them."""
FASTEST: Mapping[str, Sequence[str]] = {
    "float32": ("openvino", "onnxruntime", TENSORFLOW, LITERT, XLA),
    "bfloat16": ("openvino",),
    "int8": ("onnxruntime", LITERT),
}
"""Engines that a Keras model is run by in a precision, as they were measured."""
SAVED = (
    "A SavedModel is run by TensorFlow alone: give the bundle that it was exported "
    "from."
)
LEAST_KEPT = 0.8
"""Share of the self-test's entities that an engine of fewer digits must agree on."""


class Engines(Protocol):
    """Runs one model by the engines that can.

    Attributes:
        fastest: names of the engines by precision, the fastest first; the first
            precision is taken where none is asked for.
        instead: what to do for an engine or a precision that is not among them.
    """

    @property
    def fastest(self) -> Mapping[str, Sequence[str]]:
        """Names of engines by precision."""
        ...

    @property
    def instead(self) -> str:
        """Advice, a sentence."""
        ...

    def runner(self, engine: str, precision: str) -> Runner:
        """Make a runner.

        Raises:
            BundleError: the engine cannot load the model.
            ConfigError: the engine is not installed, or does not know the model's
                family.
        """
        ...


class KerasEngines:
    """Runs a Keras model, which is loaded once.

    Args:
        load_model: loads it.
    """

    fastest = FASTEST
    instead = (
        "`tfner export MODEL DIR --format openvino --precision int8 --calibrate FILE` "
        "makes what OpenVINO runs in int8."
    )

    def __init__(self, load_model: Callable[[], keras.Model]) -> None:
        self._load_model = load_model

    @cached_property
    def _model(self) -> keras.Model:
        return self._load_model()

    @cached_property
    def _graph(self) -> onnx.ModelProto:
        from tfner.engines.onnx_graph import build

        return build(self._model)

    def runner(self, engine: str, precision: str) -> Runner:
        """Make a runner: see `Engines`."""
        from tfner.inference.runners import KerasRunner
        from tfner.inference.static_shapes import StaticShapes

        if engine == TENSORFLOW:
            return KerasRunner(self._model)
        if engine == XLA:
            if hasattr(self._model, "predictions"):
                raise ConfigError("XLA runs taggers. Give --engine tensorflow.")
            return StaticShapes(KerasRunner(self._model, jit_compile=True))
        _check_installed(engine)
        content = self._content(engine, int8=precision == "int8")
        run = ENGINES[engine].load(content, precision=precision)
        return GraphRunner(run, packs=self._model.encoder.packs)

    def _content(self, engine: str, *, int8: bool) -> bytes:
        """The bytes of the graph that an engine reads."""
        if engine == LITERT:
            from tfner.engines import litert_graph

            return litert_graph.convert(self._graph, int8=int8)
        from tfner.engines.onnx_graph.quantized import dynamic

        graph = dynamic(self._graph) if int8 else self._graph
        content: bytes = graph.SerializeToString()
        return content


class OneEngine:
    """Runs a model by the only engine that can, and that in one precision.

    Args:
        make: makes the runner.
        engine: its name.
        precision: of the model.
        instead: see `Engines`.
    """

    def __init__(
        self,
        make: Callable[[], Runner],
        *,
        engine: str = TENSORFLOW,
        precision: str = EXACT,
        instead: str,
    ) -> None:
        self._make, self.instead = make, instead
        self.fastest = {precision: (engine,)}

    def runner(self, engine: str, precision: str) -> Runner:
        """Make a runner: see `Engines`."""
        del engine, precision
        return self._make()


def choose(
    bundle: Bundle,
    find: Callable[[Runner], SelfTest],
    *,
    engine: str | None = None,
    precision: str | None = None,
) -> Runner:
    """Make a runner by an engine that passes the self-test of a model.

    Args:
        bundle: the model.
        find: predicts the texts of its self-test by a runner.
        engine: name of the engine; "auto" or None is the fastest that is installed and
            passes.
        precision: number format of matrix products; that of the model if None.

    Raises:
        BundleError: the engine does not pass, or cannot load the model.
        ConfigError: there is no engine of the name, it is not installed, does not
            compute in the precision, or does not know the model's family.
    """
    _check_names(engine, precision)
    engines = bundle.engines()
    precision = precision or next(iter(engines.fastest))
    names = _candidates(bundle, engines, engine, precision)
    passed_over = []
    for name in names:
        try:
            run = engines.runner(name, precision)
            changed = _changed(
                bundle.selftest,
                find(run),
                f"{name} in {precision}",
                exact=precision == EXACT,
            )
        except (BundleError, ConfigError) as error:
            if name == names[-1]:
                raise
            passed_over.append(str(error))
        else:
            facts = [f"{PROGRAMS[name]}, {precision}", *changed, *passed_over]
            logger.info("engine: %s", "; ".join(facts))
            return run
    raise AssertionError("there is an engine for every precision")


def _check_installed(name: str) -> None:
    """Refuse an engine that is not installed, before a model is loaded for it.

    Raises:
        ConfigError: it is not.
    """
    engine = ENGINES[name]
    if not all(importlib.util.find_spec(needed) for needed in (engine.needs, "onnx")):
        raise ConfigError(
            f"{engine.program} is not installed: pip install 'tfner[{engine.extra}]'"
        )


def _check_names(engine: str | None, precision: str | None) -> None:
    """Refuse names that do not exist.

    Raises:
        ConfigError: there is one.
    """
    for kind, name, known in (
        ("engine", engine, get_args(Engine)),
        ("precision", precision, get_args(EnginePrecision)),
    ):
        if name is not None and name not in known:
            raise ConfigError(unknown(kind, name, known))


def _candidates(
    bundle: Bundle, engines: Engines, engine: str | None, precision: str
) -> Sequence[str]:
    """The engines to be tried, in order.

    Raises:
        ConfigError: there is none.
    """
    fitting = engines.fastest.get(precision, ())
    if engine not in (None, AUTO):
        fitting = [name for name in fitting if name == engine]
    if fitting:
        return [name for name in fitting if name != XLA or engine == XLA]
    there = "; ".join(f"{p}: {', '.join(n)}" for p, n in engines.fastest.items())
    raise ConfigError(
        f"{bundle.directory} cannot be run so. Received: engine={engine or AUTO}, "
        f"precision={precision}. There are {there}. {engines.instead}"
    )


def _changed(stored: SelfTest, found: SelfTest, what: str, *, exact: bool) -> list[str]:
    """Tell how many entities of the self-test are lost or new.

    Args:
        stored: the self-test of the model.
        found: what an engine finds in its texts.
        what: engine and precision, for messages.
        exact: no entity may be lost or new.

    Raises:
        BundleError: one is, where none may be, or too many.
    """
    changed = found.changes_from(stored)
    before, after = (sum(map(len, test.entities)) for test in (stored, found))
    least = 1.0 if exact else LEAST_KEPT
    entities = counted(before, "entity", "entities")
    if changed > (1 - least) * (before + after):
        raise BundleError(
            f"{what} does not find what the model found when it was saved: of "
            f"{entities} in its self-test {changed} are lost or new. Leave out "
            "--engine and --precision."
        )
    if not changed:
        return []
    return [f"of {entities} in the self-test {changed} are lost or new"]
