"""A Hugging Face token-classification model, offered as if it were a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.inference.bundle import SelfTest
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

if TYPE_CHECKING:
    import keras

LONGEST_WINDOW = 512


class ForeignBundle:
    """What `Bundle` offers, read from a `*ForTokenClassification` directory or hub id.

    Args:
        model: directory or hub id.
    """

    config: Mapping[str, Any] = {"training": {}}
    metrics: Mapping[str, Any] = {}
    selftest = SelfTest((), ())

    def __init__(self, model: str | Path) -> None:
        self.directory = Path(model)
        self._name = str(model)

    @cached_property
    def _loaded(self) -> tuple[keras.Model, list[str]]:
        from tfner.checkpoints.huggingface import load_token_classifier

        return load_token_classifier(self._name)

    @cached_property
    def task(self) -> TokenClassification:
        """Tokenizer and labels of the directory; windows as long as its positions."""
        model, tags = self._loaded
        return TokenClassification(
            load_tokenizer(self._name),
            LabelSet.from_tags(tags),
            max_length=min(model.encoder.max_positions, LONGEST_WINDOW),
        )

    @property
    def label_set(self) -> LabelSet:
        """Tags in the order of the directory's id2label."""
        return self.task.label_set

    def load_model(self) -> keras.Model:
        """The Keras model with the directory's weights."""
        return self._loaded[0]
