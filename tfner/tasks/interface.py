"""The protocol of tasks, which training, evaluation, prediction and export use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from tfner.data.features import Feature
from tfner.data.windows import Window
from tfner.document import Document
from tfner.schemes import LabelSet
from tfner.tasks.context import ALONE, Neighbours

if TYPE_CHECKING:
    import keras

    from tfner.tokenization import Tokenizer

Outputs = Mapping[str, Any]
"""Arrays that a model gives for one window, by name."""


class Encoded(NamedTuple):
    """The windows of one document, and what was lost on the way to them.

    Args:
        windows: in text order.
        counts: by reason, such as `words_without_pieces`.
    """

    windows: list[Window]
    counts: Counter[str]


class HeldOut(Protocol):
    """Documents held out from training, encoded once."""

    @property
    def documents(self) -> Sequence[Document]:
        """The documents with their gold entities."""
        ...

    @property
    def windows(self) -> Sequence[Sequence[Window]]:
        """The windows of every document."""
        ...

    def outputs(self, model: keras.Model) -> list[list[Outputs]]:
        """Run a model on the windows of every document."""
        ...


class Task(Protocol):
    """All that the rest of tfner knows of what a model is trained for.

    A task of your own follows this protocol in one module; one line in
    `tfner.tasks.TASKS` lets bundles of it be loaded by its name. A class that inherits
    from the protocol gets the members that have a default.

    Attributes:
        name: by which bundles name the task.
        features: inputs and targets of the model.
        outputs: what the model gives for a window, by name; exports and what runs them
            are chosen by it.
        tokenizer: makes pieces of texts.
        label_set: labels, and the tags that the model predicts.
        max_length: most pieces of a window.
        record: dataclass of the settings that bundles hold; they are checked by the
            class alone if None.
        context: neighbouring documents on either side that `encode` wants to see.
        steps: (T, T) which tag may follow which, where decoding obeys it.
    """

    name: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]]
    record: ClassVar[type | None] = None
    features: tuple[Feature, ...]
    tokenizer: Tokenizer
    label_set: LabelSet
    max_length: int
    context: int = 0
    steps: Any = None

    @classmethod
    def from_config(
        cls,
        settings: Any,
        tokenizer: Tokenizer,
        label_set: LabelSet,
        documents: Sequence[Document] = (),
        *,
        seed: int = 0,
    ) -> Self:
        """Make the task that a run trains, with its loss.

        Args:
            settings: section `task` of the config, of the class that bears the task's
                name.
            tokenizer: of the encoder.
            label_set: what is to be predicted.
            documents: of the training corpus.
            seed: of whatever the task draws.

        Raises:
            ConfigError: the settings contradict each other, the tokenizer or the
                documents.
        """
        ...

    def settings(self) -> dict[str, Any]:
        """The arguments but tokenizer and labels, as a bundle stores them."""
        ...

    def check(self, train: Sequence[Document], dev: Sequence[Document]) -> None:
        """Refuse documents that the task cannot be trained on; by default none.

        Raises:
            ConfigError: something is to be set on `dev`, which does not allow it.
            CorpusError: `train` holds what cannot be learnt; all of it is named.
        """

    def encode(
        self,
        document: Document,
        *,
        with_targets: bool = False,
        neighbours: Neighbours = ALONE,
    ) -> Encoded:
        """Encode one document. Nothing is kept: threads may encode at once.

        Args:
            document: its entities are looked at only `with_targets`.
            with_targets: for training.
            neighbours: shown to the encoder, never labelled; of tasks with `context`.
        """
        ...

    def build(self, encoder: keras.Model, *, dropout: float = 0.1) -> keras.Model:
        """Make a model from features to logits, with `encoder` and `dropout_rate`."""
        ...

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Sum the loss of a batch; returns it and what it sums over, two scalars."""
        ...

    def metric(self) -> keras.metrics.Metric:
        """Make what training shows beside the loss, updated with labels and logits."""
        ...

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
    ) -> Any:
        """Take the losses of one held-out document, an array of any length.

        Args:
            document: with gold entities.
            windows: what `encode` made of it without targets.
            outputs: what the model gave for each window.
        """
        ...

    def fit_on_dev(
        self, model: keras.Model, dev: HeldOut
    ) -> tuple[Self, keras.Model, dict[str, Any]]:
        """Set on held-out documents what is set there; by default nothing.

        Args:
            model: trained; it is not changed.
            dev: which may be empty.

        Returns:
            The task and the model to be saved, and what `metrics.json` says of them.
        """
        del dev
        return self, model, {}

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Outputs],
    ) -> Document:
        """Make the document with predictions in place of its own entities.

        Args:
            document: what was encoded.
            windows: what `encode` made of it.
            outputs: what the model gave for each window.
        """
        ...

    def decode_all(
        self,
        documents: Sequence[Document],
        windows: Sequence[Sequence[Window]],
        outputs: Sequence[Sequence[Outputs]],
    ) -> Iterable[Document]:
        """Decode several documents at once, by default one after another.

        Args:
            documents: what was encoded.
            windows: of each document.
            outputs: of each document's windows.
        """
        return map(self.decode, documents, windows, outputs)
