"""Predictor: text in, documents with entities out, whatever runs the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import BundleError, ConfigError
from tfner.inference.batching import Runner, run_documents
from tfner.inference.bundle import Bundle, SelfTest
from tfner.tasks import Task
from tfner.tasks.context import encode_in_order

WINDOWS_AT_ONCE = 512
"""Windows encoded before the model runs: enough to pack rows well, little memory."""


class Predictor:
    """A task and something that runs its model.

    Args:
        task: encodes and decodes.
        run: from features to outputs.
    """

    def __init__(self, task: Task, run: Runner) -> None:
        self.task, self.run = task, run

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        verify: bool = False,
        decode: str | None = None,
        **extras: Any,
    ) -> Predictor:
        """Make a predictor of a model directory.

        Args:
            model: a bundle, a SavedModel (or the directory of its versions), or a
                Hugging Face token-classification directory or hub id.
            verify: predict the texts that were stored with the model, and compare.
            decode: "argmax" or "viterbi" in place of what the model was trained with.
            **extras: `tokenizer`, `label_mapping`, `segment_id`, `lower_case` and
                `word_splitter` of a model that carries neither tokenizer nor labels,
                such as a SavedModel of TensorFlow 1's Estimator: see
                `tfner.inference.external.Extras`.

        Raises:
            BundleError: there is no model, it does not predict what it did when it
                was saved, or tokenizer or labels are missing or do not fit.
            ConfigError: tokenizer or labels are given that the model carries itself,
                or `decode` is unknown or needs tags that the model has not.
        """
        bundle = Bundle.load(model, **extras)
        predictor = cls(bundle.task, bundle.runner())
        if verify:
            predictor.verify(bundle.selftest)
        if decode is None:
            return predictor
        return cls(_decoding_by(decode, bundle.task, model), predictor.run)

    def predict(
        self,
        documents: Iterable[str | Document],
        *,
        counts: Counter[str] | None = None,
    ) -> list[Document]:
        """Predict entities, words and tags of documents; texts get the ids 1, 2, ….

        Several threads may predict at once.

        Args:
            documents: texts or documents, whose entities are not looked at.
            counts: gets added what was lost, by reason.
        """
        return list(self.stream(documents, counts=counts))

    def stream(
        self,
        documents: Iterable[str | Document],
        *,
        counts: Counter[str] | None = None,
    ) -> Iterator[Document]:
        """Predict documents one by one, in constant memory; see `predict`.

        To a model with context, documents (not texts) are what they are in order.
        """
        chunk: list[Document] = []
        windows: list[list[Window]] = []
        waiting = 0
        for document, encoded in encode_in_order(self.task, documents):
            chunk.append(document)
            windows.append(encoded.windows)
            waiting += max(1, len(encoded.windows))  # empty texts take memory, too
            if counts is not None:
                counts.update(encoded.counts)
            if waiting >= WINDOWS_AT_ONCE:
                yield from self.decode(chunk, windows)
                chunk, windows, waiting = [], [], 0
        yield from self.decode(chunk, windows)

    def outputs(
        self, documents: Sequence[Sequence[Window]]
    ) -> list[list[Mapping[str, Any]]]:
        """Run the model on the windows of several documents."""
        return run_documents(self.run, documents, pad_id=self.task.tokenizer.pad_id)

    def decode(
        self, documents: Sequence[Document], windows: Sequence[Sequence[Window]]
    ) -> Iterator[Document]:
        """Predict documents that are encoded already, all in one go."""
        return map(self.task.decode, documents, windows, self.outputs(windows))

    def selftest(self, texts: Iterable[str]) -> SelfTest:
        """Predict texts, to be stored with the model."""
        found = self.predict(texts)
        return SelfTest(
            tuple(document.text for document in found),
            tuple(document.entities for document in found),
        )

    def verify(self, selftest: SelfTest) -> None:
        """Predict stored texts again, and compare.

        Raises:
            BundleError: an entity differs from the stored one.
        """
        again = self.selftest(selftest.texts)
        for number, (old, new) in enumerate(
            zip(selftest.entities, again.entities, strict=True)
        ):
            if old != new:
                raise BundleError(
                    f"the model does not predict what it did when it was saved: text "
                    f"{number} of selftest.json gave {len(old)} entities, now "
                    f"{len(new)} others. Save or export the model again."
                )


def _decoding_by(decoder: str, task: Task, model: str | Path) -> Task:
    """The task, made again with another decoder.

    Raises:
        ConfigError: it has no setting for one, or the decoder does not fit its tags.
    """
    settings = task.settings()
    if "decode" not in settings:
        raise ConfigError(f"{model} has no tags: it decodes in one way alone.")
    del settings["name"]
    make: Callable[..., Task] = type(task)
    return make(task.tokenizer, task.label_set, **settings | {"decode": decoder})
