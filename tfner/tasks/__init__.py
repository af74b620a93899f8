"""What a model is trained for: how documents become windows and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tfner.data.features import Feature
from tfner.data.windows import Window
from tfner.document import Document
from tfner.schemes import LabelSet

if TYPE_CHECKING:
    import keras

    from tfner.tokenization import Tokenizer


class Task(Protocol):
    """What training, evaluation, prediction and export need to know of a task.

    `TokenClassification` says what each member means. Any object with these members may
    be given where tfner takes a task.
    """

    name: str
    features: tuple[Feature, ...]
    outputs: tuple[str, ...]
    tokenizer: Tokenizer
    label_set: LabelSet
    max_length: int
    counts: Counter[str]

    def settings(self) -> dict[str, Any]:
        """Arguments as a bundle stores them."""
        ...

    def encode(self, document: Document, *, with_targets: bool = False) -> list[Window]:
        """Windows of one document; its entities count only `with_targets`."""
        ...

    def build(self, encoder: keras.Model, *, dropout: float = 0.1) -> keras.Model:
        """A model from features to logits."""
        ...

    def loss(self, labels: Any, logits: Any) -> tuple[Any, Any]:
        """Summed loss and what it sums over, two scalars."""
        ...

    def metric(self) -> keras.metrics.Metric:
        """What training shows beside the loss, updated with labels and logits."""
        ...

    def word_losses(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Any:
        """Losses of one held-out document, an array of any length."""
        ...

    def decode(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
    ) -> Document:
        """The document with predictions in place of its own entities."""
        ...
