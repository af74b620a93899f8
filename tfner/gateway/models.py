"""The models that are served, by name and version."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfner.errors import ConfigError, unknown
from tfner.gateway.errors import invalid, missing
from tfner.gateway.limits import Limits
from tfner.gateway.served import Served
from tfner.inference.predictor import Predictor

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
POOL = 4
"""Threads that encode and decode: a long text does not hold up the others."""


@dataclass(frozen=True)
class Source:
    """A place of the versions of a model.

    Args:
        name: by which clients ask for it.
        place: a model, or a directory of versions.
    """

    name: str
    place: str

    @classmethod
    def parse(cls, argument: str) -> Source:
        """Read `NAME=DIR` or `DIR`, whose last part is the name then.

        Raises:
            ConfigError: the name is none that an address can hold.
        """
        name, equals, place = argument.partition("=")
        if not equals or "/" in name:
            place = argument
            name = _name_of(Path(place))
        if not NAME.fullmatch(name):
            raise ConfigError(
                "a model's name has letters, digits, dots, dashes and underlines. "
                f"Received: {name!r} of {argument}. Give NAME=DIR."
            )
        return cls(name, place)


def _name_of(place: Path) -> str:
    """The last part of a path that is no number of a version."""
    parts = [part for part in place.resolve().parts if not part.isdigit()]
    return parts[-1]


@dataclass
class Registry:
    """Served models.

    Args:
        sources: of the models; names are unique.
        limits: those of the queues count.
        load: makes a predictor of a place.
        threads: batches at once of a model.
    """

    sources: Sequence[Source]
    limits: Limits
    load: Callable[[str], Predictor] = Predictor.load
    threads: int = 1
    served: dict[str, Served] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(POOL, thread_name_prefix="texts")
        names = [source.name for source in self.sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(
                f"two models have the name {twice}. Give each a name: NAME=DIR."
            )

    def start(self) -> None:
        """Load all models."""
        for source in self.sources:
            self.served[source.name] = Served(
                source.name,
                "1",
                self.load(source.place),
                pool=self.pool,
                max_queue=self.limits.max_queue,
                threads=self.threads,
            )

    async def close(self) -> None:
        """Answer what was accepted, then end all threads."""
        for served in self.served.values():
            await asyncio.to_thread(served.close)
        self.pool.shutdown()

    @contextmanager
    def use(self, name: str | None, version: str | int | None) -> Iterator[Served]:
        """A version of a model, which is not let go meanwhile.

        Args:
            name: of the model; None if there is one alone.
            version: of the model; None for the newest.

        Raises:
            Refused: there is none of this name or version.
        """
        if name is None:
            if len(self.sources) > 1:
                names = ", ".join(source.name for source in self.sources)
                raise invalid(f"several models are served: name one of {names}.")
            name = self.sources[0].name
        served = self.served.get(name)
        if served is None:
            raise missing(unknown("model", name[:40], self.served))
        yield served

    def describe(self) -> list[dict[str, Any]]:
        """Every model as `GET /v1/models` gives it."""
        return [
            {
                "name": served.name,
                "version": served.version,
                "versions": [served.version],
                "labels": list(served.predictor.task.label_set.labels),
                "nested": served.predictor.task.name == "span",
                "state": "ready",
            }
            for served in self.served.values()
        ]
