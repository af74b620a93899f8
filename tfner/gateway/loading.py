"""A version of a model is made ready: loaded, checked, warmed up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tfner.clients.addresses import read_address
from tfner.gateway.limits import Limits
from tfner.gateway.metrics import Metrics
from tfner.gateway.served import Served
from tfner.gateway.versions import Source
from tfner.inference.predictor import Predictor

POOL = 4
"""Threads that encode and decode: a long text does not hold up the others."""
WARM_UP: tuple[tuple[str, ...], ...] = (
    ("a",),
    ("a " * 60,),
    ("a", "a b", "a b c " * 60, *("a b c " * n for n in range(40))),
)
"""Texts of few and many pieces, alone and together: TensorFlow makes a graph of each
kind, in seconds that a first request would else take."""

LoadPredictor = Callable[[Source, str, str], Predictor]


class Loader:
    """Makes served versions, all of which share threads that encode and decode.

    Args:
        load: makes a predictor of a source, a version's number and its place.
        limits: of the queues.
        metrics: of this process.
        threads: batches at once of a model; see `Batcher`.

    Attributes:
        pool: those threads.
    """

    def __init__(
        self,
        load: LoadPredictor,
        *,
        limits: Limits,
        metrics: Metrics,
        threads: int = 1,
    ) -> None:
        self._load, self._limits, self._metrics = load, limits, metrics
        self._threads = threads
        self.pool = ThreadPoolExecutor(POOL, thread_name_prefix="texts")

    def __call__(self, source: Source, number: str, place: str) -> Served:
        """Make a version ready.

        Args:
            source: names the model.
            number: of the version.
            place: of its files.

        Raises:
            TfnerError: it cannot be loaded, or its self-test fails.
        """
        loads = self._metrics.loads
        try:
            predictor = self._load(source, number, place)
            settle(predictor)
            for texts in WARM_UP:
                predictor.predict(texts)
        except Exception:
            loads.labels(source.name, "refused").inc()
            raise
        loads.labels(source.name, "loaded").inc()
        return Served(
            source.name,
            number,
            predictor,
            pool=self.pool,
            limits=self._limits,
            metrics=self._metrics,
            threads=self._threads,
        )


def load_here(**settings: Any) -> LoadPredictor:
    """Make what loads predictors into this process, and has them pass their self-test.

    Args:
        **settings: of `Predictor.load`.
    """

    def load(source: Source, number: str, place: str) -> Predictor:
        del source, number
        return Predictor.load(place, verify=True, **settings)

    return load


def load_behind(backend: str, *, pinned: bool, **settings: Any) -> LoadPredictor:
    """Make what loads predictors whose models run on a server.

    Args:
        backend: address of the server, such as `grpc://localhost:8500`; the name of a
            model is its name there.
        pinned: whether each version asks for its own number there, and not for the
            server's newest.
        **settings: of `Predictor.load`.
    """

    def load(source: Source, number: str, place: str) -> Predictor:
        address = f"{backend.rstrip('/')}/{source.name}"
        if pinned:
            address += f"/versions/{number}"
        read_address(address)  # else it would be taken for a place of files
        return Predictor.load(address, assets=place, verify=True, **settings)

    return load


def settle(predictor: Predictor) -> None:
    """Decide on an open scheme by the sample texts, and not by the first request."""
    from tfner.corpus import read_corpus
    from tfner.samples import english, japanese

    for sample in (english("dev"), japanese("dev")):
        if predictor.scheme is None:
            predictor.predict(document.text for document in read_corpus(sample))
