"""Graphs that tfner exported, each compared with the assets beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.saved_graph import ASSETS
from tfner.data.features import INPUT_IDS, known_in_serving
from tfner.document import Document
from tfner.engines import Engine
from tfner.errors import BundleError
from tfner.inference.batching import Runner, run_windows
from tfner.inference.bundle import NO_MODEL
from tfner.inference.bundle_files import reading
from tfner.inference.engines import EXACT, SAVED, Engines, OneEngine
from tfner.inference.external import Extras
from tfner.inference.graph_runner import GraphRunner
from tfner.inference.native_bundle import CONFIG, NativeBundle
from tfner.inference.runners import SavedModelRunner
from tfner.inference.span_runner import SpanRunner
from tfner.tasks.span_extraction import SpanExtraction
from tfner.tasks.token_classification import TokenClassification

if TYPE_CHECKING:
    import keras

RUNNERS: dict[tuple[str, ...], Callable[..., Runner]] = {
    TokenClassification.outputs: SavedModelRunner,
    SpanExtraction.outputs: SpanRunner,
}
"""Runners of SavedModels, by `Task.outputs`."""


class ExportedBundle(NativeBundle):
    """A graph that tfner exported, and in its assets all but weights.

    Args:
        exported: directory of the graph.
        **extras: none are taken.

    Raises:
        BundleError: the assets are damaged, or come from a newer tfner.
        ConfigError: an extra was given.
    """

    def __init__(self, exported: Path, **extras: Any) -> None:
        Extras(**extras).refuse(exported)
        super().__init__(exported / ASSETS)
        self.exported = exported

    def load_model(self) -> keras.Model:
        """Refuse: the graph holds no Keras model.

        Raises:
            BundleError: always.
        """
        raise BundleError(NO_MODEL.format(self.exported))

    def runner(self) -> Runner:
        """Make a runner of the graph.

        Raises:
            BundleError: the graph cannot be loaded, or the assets are not its own.
        """
        encoder = self.config["model"]["encoder"]["config"]
        longest, pieces = self.task.max_length, self.tokenizer.vocab_size
        self._compare("tokenizer", pieces, "pieces", encoder.get("vocab_size"))
        self._compare("windows", longest, "positions", encoder.get("max_positions"))
        run = self._load()
        self._compare("windows", longest, "positions in a row", run.row_length)
        self._try(run)
        return run

    @abstractmethod
    def _load(self) -> Runner:
        """Load the graph."""

    def _compare(self, what: str, wanted: int, parts: str, known: object) -> None:
        """Refuse assets that ask for more than there is.

        Raises:
            BundleError: they do.
        """
        if isinstance(known, int) and known < wanted:
            raise self._misfit(
                f"its graph has {known:,} {parts}, its {what} up to {wanted:,}"
            )

    def _try(self, run: Runner) -> None:
        """Run the longest window with the last piece: what lacks, lacks there.

        Raises:
            BundleError: the graph cannot run it, or gives other tags than its labels.
        """
        task = self.task
        text = Document("", "a " * task.max_length)
        window = max(task.encode(text).windows, key=len)
        ids = window.features[INPUT_IDS.name].copy()
        ids[len(ids) // 2] = task.tokenizer.vocab_size - 1
        window = replace(window, features={**window.features, INPUT_IDS.name: ids})
        (found,) = run_windows(run, [window], pad_id=task.tokenizer.pad_id)
        tags, labels = found.get("probs"), len(task.label_set.tags)
        if tags is not None and tags.shape[-1] != labels:
            raise self._misfit(
                f"its graph predicts {tags.shape[-1]} tags, its labels are {labels}"
            )

    def _misfit(self, why: str) -> BundleError:
        return BundleError(f"{self.exported}: {why}. Export the model again.")

    def _serving(self, name: str) -> Any:
        """What the export tells of its graph."""
        with reading(self.directory / CONFIG):
            return self.config["serving"][name]


class SavedModelBundle(ExportedBundle):
    """A SavedModel that tfner exported.

    Args:
        exported: directory of the graph.
        trust_graph: see `load_signature`.
        **extras: see `ExportedBundle`.
    """

    def __init__(
        self, exported: Path, *, trust_graph: bool = False, **extras: Any
    ) -> None:
        super().__init__(exported, **extras)
        self._trust_graph = trust_graph

    def _load(self) -> Runner:
        return RUNNERS[tuple(self.task.outputs)](
            self.exported,
            packs=bool(self._serving("packs")),
            inputs=known_in_serving(self.task.features),
            trust_graph=self._trust_graph,
        )

    def engines(self) -> Engines:
        """The engine of the graph."""
        with reading(self.directory / CONFIG):
            told = self.config["serving"].get("precision", EXACT)
        return OneEngine(self.runner, precision=told, instead=SAVED)


class GraphBundle(ExportedBundle):
    """A graph of an engine that tfner exported.

    Args:
        exported: directory of the graph.
        engine: that runs it.
        **extras: see `ExportedBundle`.
    """

    def __init__(self, exported: Path, engine: Engine, **extras: Any) -> None:
        super().__init__(exported, **extras)
        self.engine = engine

    def _load(self) -> Runner:
        packs, precision = self._serving("packs"), self._serving("precision")
        run = self.engine.load(self.exported / self.engine.file, precision=precision)
        return GraphRunner(run, packs=packs)

    def engines(self) -> Engines:
        """The engine of the graph."""
        return OneEngine(
            self.runner,
            engine=self.engine.name,
            precision=self._serving("precision"),
            instead="Export the model again, in another format or precision.",
        )
