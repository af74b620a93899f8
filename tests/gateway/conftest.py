"""A gateway in a thread, with a model that needs no TensorFlow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from tfner.gateway import connections
from tfner.gateway.app import make_app
from tfner.gateway.connections import Server, impatient
from tfner.gateway.limits import Limits
from tfner.gateway.loading import Loader
from tfner.gateway.metrics import Metrics
from tfner.gateway.models import Registry
from tfner.gateway.server import bind, url_of
from tfner.gateway.state import Gateway
from tfner.gateway.versions import Source
from tfner.inference.predictor import Predictor
from tfner.schemes import LabelSet
from tfner.tasks.token_classification import TokenClassification
from tfner.tokenization import load_tokenizer

MAX_LENGTH = 24


class Chance:
    """A model whose tags follow from a word's piece and the pieces around it.

    Args:
        tags: number of tags.
        packs: whether windows share rows.

    Attributes:
        before: is called with the features of every batch.
    """

    row_length: int | None = None

    def __init__(self, tags: int, *, packs: bool) -> None:
        self.packs = packs
        self.scores = np.random.default_rng(0).normal(size=(2, 1000, tags))
        self.before: Callable[[Mapping[str, Any]], object] = lambda _: None

    def __call__(self, features: Mapping[str, Any]) -> dict[str, Any]:
        self.before(features)
        ids, mask = features["input_ids"], features["attention_mask"]
        total = self.scores[0, ids]  # (B, S, T)
        beside = self.scores[1, ids[:, 1:]]
        total[:, :-1] += beside * (mask[:, 1:] == mask[:, :-1])[..., None]
        at = features["labeled_positions"][..., None]
        chosen = np.take_along_axis(total, at, axis=1)
        odds = np.exp(chosen - chosen.max(axis=-1, keepdims=True))
        return {"probs": (odds / odds.sum(axis=-1, keepdims=True)).astype("float32")}


@pytest.fixture(scope="session")
def task(encoder_directory: Path) -> TokenClassification:
    labels = LabelSet(["PER", "LOC"])
    tokenizer = load_tokenizer(encoder_directory)
    return TokenClassification(tokenizer, labels, max_length=MAX_LENGTH)


@pytest.fixture(scope="session")
def chance(task: TokenClassification) -> Callable[..., Chance]:
    return partial(Chance, len(task.label_set.tags))


@pytest.fixture
def predictor(task: TokenClassification, chance: Callable[..., Chance]) -> Predictor:
    """A predictor whose model a test may change."""
    return Predictor(task, chance(packs=True))


@pytest.fixture(scope="session")
def packing(task: TokenClassification, chance: Callable[..., Chance]) -> Predictor:
    """A predictor that is not changed."""
    return Predictor(task, chance(packs=True))


class Running:
    """A gateway that is being served, and a client of it."""

    def __init__(self, gateway: Gateway, server: Server, url: str) -> None:
        self.gateway, self.server, self.url = gateway, server, url
        self.client = httpx.Client(base_url=url, timeout=20, trust_env=False)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def entities(self, **request: Any) -> Any:
        answer = self.client.post("/v1/entities", json=request)
        assert answer.status_code == 200, answer.text
        return answer.json()


Serve = Callable[..., AbstractContextManager[Running]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serves predictors by their names, or what `load` makes of sources."""
    connections.LATE = 0.0  # what tests send, they have sent before the end

    @contextmanager
    def running(
        predictors: Mapping[str, Predictor],
        *,
        sources: list[Source] | None = None,
        load: Any = None,
        keep: int = 1,
        drain: float = 0.0,
        app: Mapping[str, Any] | None = None,
        **limits: Any,
    ) -> Iterator[Running]:
        bounds, metrics = Limits(**limits), Metrics()
        load = load or (lambda source, *_: predictors[source.name])
        loader = Loader(load, limits=bounds, metrics=metrics)
        sources = sources or [Source(name, f"/{name}") for name in predictors]
        registry = Registry(sources, loader, keep=keep)
        registry.load()
        gateway = Gateway(registry, bounds, metrics)
        config = uvicorn.Config(
            make_app(gateway, **(app or {})),
            http=impatient(bounds.idle),
            ws="none",
            log_config=None,
        )
        listener = bind("127.0.0.1", 0)
        url = url_of(listener)
        server = Server(config, gateway, url=url, drain=drain)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            while not server.started:
                thread.join(0.01)
                assert thread.is_alive()
            here = Running(gateway, server, url)
            yield here
            here.client.close()
        finally:
            server.should_exit = True
            thread.join(30)
            loader.pool.shutdown()
            assert not thread.is_alive()

    return running
