"""A teacher: a tagger of any kind that says how likely the tags of given words are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfner.data.windows import Ints, Window
from tfner.document import Document
from tfner.errors import ConfigError
from tfner.evaluation import score
from tfner.inference.batching import Floats, Runner, run_documents
from tfner.inference.bundle import Bundle
from tfner.inference.chunks import chunked
from tfner.inference.open_scheme import remade
from tfner.inference.predictor import Predictor
from tfner.inference.runners import KerasRunner
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification

logger = logging.getLogger(__name__)

Answers = NDArray[np.float16]
VECTORS = "words"
REPORT_EVERY = 10_000
"""Documents between two notes on what the teacher has read."""


class Teacher:
    """A trained tagger.

    Args:
        bundle: of any kind.
        vectors: its vectors of words are asked for, too.
        as_keras: its Keras model is needed besides, and so is the one that runs.

    Attributes:
        task: encodes words that are given.

    Raises:
        ConfigError: it is a model of another task.
    """

    def __init__(
        self, bundle: Bundle, *, vectors: bool = False, as_keras: bool = False
    ) -> None:
        self.bundle, self.vectors, self.as_keras = bundle, vectors, as_keras
        task = bundle.task
        if not isinstance(task, TokenClassification):
            raise ConfigError(
                "a student learns the probabilities of tags from a tagger. Received: "
                f"{bundle.directory}, a model of task {task.name}. Give another "
                "teacher, or train on what it predicts."
            )
        self.task = remade(task, words="gold")

    @property
    def label_set(self) -> LabelSet:
        """Labels and tags of the teacher."""
        return self.task.label_set

    @cached_property
    def model(self) -> keras.Model:
        """Its Keras model.

        Raises:
            BundleError: it is a graph, here or on a server, which has none.
        """
        return self.bundle.load_model()

    @cached_property
    def run(self) -> Runner:
        """Runner of its model."""
        if self.vectors:
            return VectorRunner(self.model)
        return KerasRunner(self.model) if self.as_keras else self.bundle.runner()

    def f1(self, documents: Sequence[Document]) -> float:
        """F1 of what the teacher finds in documents, as it reads them itself."""
        predictor = Predictor(self.bundle.task, self.run)
        return score(documents, predictor.predict(documents), resamples=0).f1

    def columns(self, tags: Sequence[str]) -> list[int]:
        """Find the tags of a student among those of the teacher.

        Raises:
            ConfigError: they are not the same ones.
        """
        own = list(self.label_set.tags)
        if sorted(own) != sorted(tags):
            strangers = sorted({*own} ^ {*tags})
            raise ConfigError(
                "teacher and student must have the same tags. Received: "
                f"{', '.join(strangers[:10])} of the one alone. Leave out --labels and "
                "--scheme, which are the teacher's."
            )
        return [own.index(tag) for tag in tags]

    def answers(
        self, documents: Iterable[Document], tags: Sequence[str]
    ) -> Iterator[Answers]:
        """Ask the teacher about the words of each document.

        Args:
            documents: with words.
            tags: T of the student, in its order.

        Yields:
            (W, T + H) float16: probabilities, and vectors if they are asked for. All 0
            for a word that was not read.

        Raises:
            ConfigError: the tags are others than the teacher's.
        """
        columns, done = self.columns(tags), 0
        for chunk in chunked(documents, context=self.task.context):
            encoded = [
                self.task.encode(document, neighbours=neighbours).windows
                for document, neighbours in chunk
            ]
            pad_id = self.task.tokenizer.pad_id
            outputs = run_documents(self.run, encoded, pad_id=pad_id)
            for (document, _), windows, of_windows in zip(
                chunk, encoded, outputs, strict=True
            ):
                yield self._merged(document, windows, of_windows, columns)
            before, done = done, done + len(chunk)
            if before // REPORT_EVERY != done // REPORT_EVERY:
                logger.info("the teacher has read %s texts", f"{done:,}")

    def _merged(
        self,
        document: Document,
        windows: Sequence[Window],
        outputs: Sequence[Mapping[str, Any]],
        columns: Sequence[int],
    ) -> Answers:
        width = self.model.encoder.hidden_size if self.vectors else 0
        words = len(document.words or ())
        found = np.zeros((words, len(columns) + width), np.float16)
        for window, output in zip(windows, outputs, strict=True):
            counted = slice(*window.core_words)
            parts = [output["probs"][counted][:, columns]]
            parts += [output[VECTORS][counted]] if self.vectors else []
            found[window.word_index[counted]] = np.concatenate(parts, axis=1)
        return found


class VectorRunner(KerasRunner):
    """Runs a tagger's Keras model, and gives the vectors of words beside `probs`."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(model)
        import tensorflow as tf

        @tf.function(reduce_retracing=True)
        def run(features: Any) -> Any:
            words = model.words(features, training=False)
            logits = model.scores(words, features, training=False)
            return {"probs": tf.nn.softmax(logits), VECTORS: words}

        self._run = run

    def __call__(self, features: Mapping[str, Ints]) -> dict[str, Floats]:
        """Outputs `probs` (B, W, T) and `words` (B, W, H)."""
        return super().__call__(features)
