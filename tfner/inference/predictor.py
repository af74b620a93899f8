"""Predictor: text in, documents with entities out, whatever runs the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tfner.data.windows import Window
from tfner.document import Document
from tfner.errors import BundleError, ConfigError
from tfner.inference.batching import Runner, run_windows
from tfner.inference.bundle import SelfTest
from tfner.inference.external_options import Supplied
from tfner.schemes import LabelSet
from tfner.tasks import Task
from tfner.tasks.context import encode_in_order
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import Tokenizer

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
        tokenizer: str | Path | Tokenizer | None = None,
        labels: str | Path | LabelSet | None = None,
        segment_id: int = 0,
        lower_case: bool | None = None,
        word_splitter: str | None = None,
    ) -> Predictor:
        """A predictor for a model directory.

        Args:
            model: a bundle, a SavedModel (or the directory of its versions), or a
                Hugging Face token-classification directory or hub id.
            verify: predict the texts that were stored with the model, and compare.
            decode: "argmax" or "viterbi" in place of what the model was trained with.
            tokenizer: directory, hub id or tokenizer of a model that carries none: a
                SavedModel of TensorFlow 1's Estimator. So all that follow.
            labels: its tags, in a file that `read_labels` takes, or a label set.
            segment_id: 1 for taggers of google-research/electra, which learnt with it.
            lower_case: overrides the tokenizer's directory, or what is guessed of it.
            word_splitter: as `lower_case`.

        Raises:
            BundleError: there is no model, it does not predict what it did when it
                was saved, or tokenizer or labels are missing or do not fit.
            ConfigError: tokenizer or labels are given that the model carries itself,
                or `decode` is unknown or needs tags that the model has not.
        """
        from tfner.inference.loading import open_model

        supplied = Supplied(tokenizer, labels, segment_id, lower_case, word_splitter)
        bundle, run = open_model(model, supplied)
        predictor = cls(bundle.task, run)
        if verify:
            predictor.verify(bundle.selftest)
        if decode is not None:
            if not isinstance(bundle.task, TokenClassification):
                raise ConfigError(f"{model} has no tags: it decodes in one way alone.")
            bundle.task.decode_by(decode)
        return predictor

    @property
    def counts(self) -> Counter[str]:
        """What was lost so far, by reason."""
        return self.task.counts

    def predict(self, documents: Iterable[str | Document]) -> list[Document]:
        """Documents with predicted entities, words and tags; texts get ids 1, 2, …."""
        return list(self.stream(documents))

    def stream(self, documents: Iterable[str | Document]) -> Iterator[Document]:
        """As `predict`, one by one and in constant memory.

        To a model with context, documents (not texts) are what they are in order.
        """
        chunk: list[Document] = []
        windows: list[list[Window]] = []
        waiting = 0
        for document, found in encode_in_order(self.task, documents):
            chunk.append(document)
            windows.append(found)
            waiting += max(1, len(windows[-1]))  # empty texts take memory, too
            if waiting >= WINDOWS_AT_ONCE:
                yield from self._decoded(chunk, windows)
                chunk, windows, waiting = [], [], 0
        yield from self._decoded(chunk, windows)

    def _decoded(
        self, chunk: Sequence[Document], windows: Sequence[Sequence[Window]]
    ) -> Iterator[Document]:
        flat = [window for group in windows for window in group]
        outputs = iter(run_windows(self.run, flat, pad_id=self.task.tokenizer.pad_id))
        for document, group in zip(chunk, windows, strict=True):
            yield self.task.decode(document, group, [next(outputs) for _ in group])

    def selftest(self, texts: Iterable[str]) -> SelfTest:
        """Texts with what is predicted for them, to be stored with the model."""
        found = self.predict(texts)
        return SelfTest(
            tuple(document.text for document in found),
            tuple(document.entities for document in found),
        )

    def verify(self, selftest: SelfTest) -> None:
        """Predict stored texts again.

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
