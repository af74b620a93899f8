"""Predictor: text in, documents with entities out, whatever runs the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tfner.clients.addresses import is_address
from tfner.data.windows import Window
from tfner.document import Document
from tfner.engines import engine_of
from tfner.errors import BundleError, ConfigError
from tfner.inference.ahead import run_ahead
from tfner.inference.batching import Runner, run_documents
from tfner.inference.bundle import Bundle, SelfTest
from tfner.inference.chunks import Chunk, chunked
from tfner.inference.engines import choose
from tfner.inference.open_scheme import OpenScheme, of_scheme, remade
from tfner.schemes import LabelSet
from tfner.tasks import Task


class EncodedChunk(NamedTuple):
    """Documents, and the windows of each."""

    documents: list[Document]
    windows: list[list[Window]]


class Predictor:
    """A task and something that runs its model.

    Args:
        task: encodes and decodes.
        run: from features to outputs.
        open_scheme: decides on the scheme of the tags by what is predicted first; None
            where it is known.

    Attributes:
        task: that of the scheme that was found, once it is.
    """

    def __init__(
        self, task: Task, run: Runner, *, open_scheme: OpenScheme | None = None
    ) -> None:
        self.task, self.run, self._open = task, run, open_scheme

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        verify: bool = False,
        decode: str | None = None,
        engine: str | None = None,
        precision: str | None = None,
        trust_graph: bool = False,
        **extras: Any,
    ) -> Predictor:
        """Make a predictor of a model directory.

        Args:
            model: a bundle, a SavedModel (or the directory of its versions), a
                Hugging Face token-classification directory or hub id, or the address
                of a model on a server, such as `grpc://localhost:8500/chunk`.
            verify: predict the texts that were stored with the model, and compare.
            decode: "argmax" or "viterbi" in place of what the model was trained with.
            engine: name of the engine that computes the model, once it has passed the
                model's self-test; "auto" takes the fastest that is installed. None is
                TensorFlow for a bundle, and for an export that of its graph.
            precision: of the engine, "float32", "bfloat16" or "int8"; None is float32
                for a bundle, and for an export that of its graph.
            trust_graph: run a SavedModel even if its graph has operators that no tagger
                needs: they may read and write files, or run other code.
            **extras: `label_mapping`, `scheme`, `label`, `tokenizer`, `segment_id`,
                `lower_case` and `word_splitter` of a model that another program has
                trained: see `tfner.inference.external.Extras`; `encoder` of a bundle
                that was saved without it: see `NativeBundle`; `assets` of a model on a
                server, and how the server is spoken to: see `ServedBundle`.

        Raises:
            BundleError: there is no model, it does not predict what it did when it
                was saved, or tokenizer or labels are missing or do not fit.
            ConfigError: a part is given that the model carries itself,
                `decode` is unknown or needs tags that the model has not, or an engine
                is not installed or cannot run the model.
            ServingError: a server does not answer as it should.
        """
        bundle = Bundle.load(model, trust_graph=trust_graph, **extras)
        is_chosen = engine is not None or precision is not None
        predictor = cls.of(bundle, engine=engine, precision=precision)
        if verify and not is_chosen:
            predictor.verify(bundle.selftest)
        if decode is not None:
            predictor.task = _decoding_by(decode, predictor.task, model)
        return predictor

    @classmethod
    def shared(cls, model: str | Path, **settings: Any) -> Predictor:
        """Give the predictor that this process has loaded, or load it now.

        For functions that Spark, Ray or joblib send to processes, which may do many
        tasks one after another.

        Args:
            model: as for `load`, also for what it raises.
            **settings: of `load`, which can be hashed.
        """
        return _shared(str(model), **settings)

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        *,
        engine: str | None = None,
        precision: str | None = None,
    ) -> Predictor:
        """Make a predictor of an open bundle; see `load`."""
        schemes = bundle.open_schemes
        open_scheme = OpenScheme(bundle.directory, schemes) if schemes else None
        if engine is None and precision is None:
            return cls(bundle.task, bundle.runner(), open_scheme=open_scheme)
        texts = bundle.selftest.texts
        run = choose(
            *(bundle, lambda run: cls(bundle.task, run).selftest(texts)),
            engine=engine,
            precision=precision,
        )
        return cls(bundle.task, run, open_scheme=open_scheme)

    @property
    def label_set(self) -> LabelSet:
        """Tags in the order of the model's ids."""
        return self.task.label_set

    @property
    def scheme(self) -> str | None:
        """Name of the scheme of the tags; None while predictions are to decide it."""
        return self.label_set.scheme.name if self._open is None else None

    def settle(self, scheme: str) -> None:
        """Take a scheme that predictions have shown, if it is still open."""
        if self._open is not None:
            self.task, self._open = of_scheme(self.task, scheme), None

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
        chunks = chunked(documents, context=self.task.context)
        encoded = (self._encode(chunk, counts) for chunk in chunks)
        for (read, windows), outputs in run_ahead(encoded, self._run_chunk):
            yield from self.read(read, windows, outputs)

    def predict_chunk(
        self, chunk: Chunk, *, counts: Counter[str] | None = None
    ) -> Iterator[Document]:
        """Predict a chunk of `chunked`, all in one go; see `predict`."""
        return self.decode(*self._encode(chunk, counts))

    def _encode(self, chunk: Chunk, counts: Counter[str] | None) -> EncodedChunk:
        encoded = [
            self.task.encode(document, neighbours=neighbours)
            for document, neighbours in chunk
        ]
        if counts is not None:
            for each in encoded:
                counts.update(each.counts)
        return EncodedChunk(
            [document for document, _ in chunk], [each.windows for each in encoded]
        )

    def _run_chunk(self, encoded: EncodedChunk) -> list[list[Mapping[str, Any]]]:
        return self.outputs(encoded.windows)

    def outputs(
        self, documents: Sequence[Sequence[Window]]
    ) -> list[list[Mapping[str, Any]]]:
        """Run the model on the windows of several documents."""
        return run_documents(self.run, documents, pad_id=self.task.tokenizer.pad_id)

    def decode(
        self, documents: Sequence[Document], windows: Sequence[Sequence[Window]]
    ) -> Iterator[Document]:
        """Predict documents that are encoded already, all in one go."""
        return self.read(documents, windows, self.outputs(windows))

    def read(
        self,
        documents: Sequence[Document],
        windows: Sequence[Sequence[Window]],
        outputs: Sequence[Sequence[Mapping[str, Any]]],
    ) -> Iterator[Document]:
        """Read predictions off outputs.

        Args:
            documents: that were encoded.
            windows: of each document.
            outputs: of each document's windows.
        """
        open_scheme = self._open
        if open_scheme is not None:
            settled = open_scheme.settle(self.task, documents, windows, outputs)
            if settled is not None:
                self.task, self._open = settled, None
        return iter(self.task.decode_all(documents, windows, outputs))

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
                    f"{len(new)} others. Save or export the model again; of a model on "
                    "a server, give the assets of the version that it runs."
                )


def needs_tensorflow(model: str | Path) -> bool:
    """Tell whether a model is run by TensorFlow, unless another engine is asked for."""
    return not is_address(model) and engine_of(Path(model)) is None


_shared = cache(Predictor.load)


def _decoding_by(decoder: str, task: Task, model: str | Path) -> Task:
    """The task, made again with another decoder.

    Raises:
        ConfigError: it has no setting for one, or the decoder does not fit its tags.
    """
    if "decode" not in task.settings():
        raise ConfigError(f"{model} has no tags: it decodes in one way alone.")
    return remade(task, decode=decoder)
