"""The model handler of Beam's RunInference that gives documents with entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from apache_beam.metrics.metric import Metrics
from apache_beam.ml.inference.base import ModelHandler, PredictionResult

from tfner.document import Document
from tfner.errors import ConfigError
from tfner.inference.chunks import DOCUMENTS, Chunk
from tfner.inference.predictor import Predictor, needs_tensorflow
from tfner.storage.remote import import_tensorflow
from tfner.tasks.context import ALONE, Neighbours

NAMESPACE = "tfner.lost"
"""Of Beam's counters of what was lost, whose names are the reasons."""

Example = str | Document | tuple[Document, Neighbours]


class EntityHandler(ModelHandler):
    """Runs a SavedModel, or any other model, on texts and documents.

    An example is a text, a document, or a document with its neighbours, which models
    with context see. Its prediction is a `PredictionResult` whose `inference` is the
    document with entities. Examples of a batch are sorted by length or packed into
    rows. What batches hold decides over the last digits of scores.

    A process loads the model once for all of its threads.

    Args:
        model: what `Predictor.load` takes: a local path that each worker has, or a
            remote one, which each copies.
        min_batch_size: examples of a batch at least, where there are as many.
        max_batch_size: examples of a batch at most.
        one_model: one for all processes of a machine, where memory is short.
        **settings: of `Predictor.load`.

    Example:
        >>> from apache_beam.ml.inference.base import RunInference  # doctest: +SKIP
        >>> texts | RunInference(EntityHandler("exported/chunk"))  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path,
        *,
        min_batch_size: int = 1,
        max_batch_size: int = DOCUMENTS,
        one_model: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(
            min_batch_size=min_batch_size,
            max_batch_size=max_batch_size,
            large_model=one_model,
        )
        self._model, self._settings = str(model), settings

    def load_model(self) -> SharedModel:
        """Load the model; called by Beam, once in a process or machine.

        Raises:
            BundleError: see `Predictor.load`.
            ConfigError: likewise; or the scheme is open and the decoder needs it.
        """
        if needs_tensorflow(self._model):
            import_tensorflow()
        predictor = Predictor.load(self._model, **self._settings)
        if predictor.scheme is None and self._settings.get("decode") == "viterbi":
            # Else it depends on which documents come first.
            raise ConfigError(
                f"{self._model}: several schemes fit its tags, and viterbi goes by the "
                "scheme. Give scheme= or decode='argmax'."
            )
        return SharedModel(predictor)

    def run_inference(
        self,
        batch: Sequence[Example],
        model: SharedModel,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[PredictionResult]:
        """Predict a batch; called by Beam.

        Args:
            batch: examples.
            model: from `load_model`.
            inference_args: none are taken.
        """
        documents, counts = model.predict([_placed(example) for example in batch])
        for reason, count in counts.items():
            Metrics.counter(NAMESPACE, reason).inc(count)
        return [
            PredictionResult(example, document, self._model)
            for example, document in zip(batch, documents, strict=True)
        ]

    def validate_inference_args(self, inference_args: dict[str, Any] | None) -> None:
        """Refuse arguments, which would have no effect.

        Raises:
            ConfigError: there are some.
        """
        if inference_args:
            raise ConfigError(
                "EntityHandler takes no inference_args. Received: "
                f"{', '.join(inference_args)}. Give settings to the handler itself."
            )


class SharedModel:
    """A predictor whose one method takes and gives what can go between processes."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, chunk: Chunk) -> tuple[list[Document], Counter[str]]:
        """Predict documents in one go; returns what was lost beside them."""
        counts: Counter[str] = Counter()
        return [*self._predictor.predict_chunk(chunk, counts=counts)], counts


def _placed(example: Example) -> tuple[Document, Neighbours]:
    """A document with its neighbours; texts have no ids."""
    if isinstance(example, str):
        return Document("", example), ALONE
    if isinstance(example, Document):
        return example, ALONE
    return example
