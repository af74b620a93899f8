"""The view of a trained model, whichever program trained it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.document import Entity
from tfner.schemes import LabelSet
from tfner.tasks import Task
from tfner.tokenization import Tokenizer

if TYPE_CHECKING:
    import keras

    from tfner.inference.batching import Runner
    from tfner.inference.engines import Engines

NO_MODEL = (
    "{} is an exported graph, which holds no Keras model. Give the bundle it was "
    "exported from."
)
ON_SERVER = (
    "{} is on a server, which gives no Keras model. Give the bundle it was exported "
    "from."
)


@dataclass(frozen=True)
class SelfTest:
    """Texts and the entities a model predicted for them when it was saved."""

    texts: tuple[str, ...]
    entities: tuple[tuple[Entity, ...], ...]

    def changes_from(self, other: SelfTest) -> int:
        """Count the entities that one of two has and the other has not.

        Args:
            other: of the same texts.
        """
        pairs = zip(other.entities, self.entities, strict=True)
        return sum(len({*old} ^ {*new}) for old, new in pairs)

    def to_json(self) -> list[dict[str, Any]]:
        """Make the content of `selftest.json`."""
        return [
            {
                "text": text,
                "entities": [
                    {"start": e.start, "end": e.end, "label": e.label} for e in found
                ],
            }
            for text, found in zip(self.texts, self.entities, strict=True)
        ]

    @classmethod
    def from_json(cls, records: list[dict[str, Any]]) -> SelfTest:
        """Read what `to_json` wrote."""
        return cls(
            tuple(record["text"] for record in records),
            tuple(
                tuple(Entity(e["start"], e["end"], e["label"]) for e in r["entities"])
                for r in records
            ),
        )


class Bundle(ABC):
    """A trained model of any origin: its task, its weights, and what is known of it.

    Attributes:
        directory: where it lies.
    """

    directory: Path

    @classmethod
    def load(cls, model: str | Path, **extras: Any) -> Bundle:
        """Open a model of any kind.

        Args:
            model: a directory that `tfner train` or `tfner export` wrote, or what else
                `Predictor.load` takes.
            **extras: see `Predictor.load`.

        Raises:
            BundleError: there is no model.
            ConfigError: an extra was given that the model carries itself.
        """
        from tfner.inference.loading import open_model

        return open_model(model, **extras)

    @property
    @abstractmethod
    def task(self) -> Task:
        """Encodes and decodes; needs no Keras where tfner trained the model."""

    @abstractmethod
    def load_model(self) -> keras.Model:
        """The Keras model with its weights.

        Raises:
            BundleError: there is none, or weights are missing or do not fit.
        """

    def runner(self) -> Runner:
        """Make a runner of the model."""
        from tfner.inference.runners import KerasRunner

        return KerasRunner(self.load_model())

    def engines(self) -> Engines:
        """The engines that can run the model.

        Raises:
            ConfigError: there is no choice, for the model is on a server.
        """
        from tfner.inference.engines import KerasEngines

        return KerasEngines(self.load_model)

    @property
    def open_schemes(self) -> tuple[str, ...]:
        """Schemes that the tags may be of, where nothing but predictions can tell.

        The first is that of the label set; there are none where the scheme is known.
        """
        return ()

    @property
    def label_set(self) -> LabelSet:
        """Tags in the order of the model's ids."""
        return self.task.label_set

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the model was trained with."""
        return self.task.tokenizer

    @property
    def config(self) -> dict[str, Any]:
        """Settings of task, model and training, as far as they are stored."""
        return {"training": {}}

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores and history; empty of a model that was trained elsewhere."""
        return {}

    @property
    def selftest(self) -> SelfTest:
        """Texts with expected entities; none of a model that was trained elsewhere."""
        return SelfTest((), ())
