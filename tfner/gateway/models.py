"""The models that are served, by name and version, and how new versions come in."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tfner.errors import ConfigError, TfnerError, lacks_memory, unknown
from tfner.gateway.errors import SHOWN, invalid, missing
from tfner.gateway.events import log, log_failure
from tfner.gateway.served import Served
from tfner.gateway.versions import Print, Source, fingerprint

POLL = 0.05
"""Seconds between two looks at whether a version is still in use."""

Make = Callable[[Source, str, str], Served]


@dataclass(frozen=True)
class Refusal:
    """A version that was not taken.

    Args:
        reason: one sentence.
        files: what it was like; once they change it is tried again.
    """

    reason: str
    files: Print


class Model:
    """The versions of one model.

    Args:
        source: where they lie.
        make: loads a version: of the source, its number and its place.
        keep: how many of the newest are served.
        is_remote: whether a version may be taken later though its files stay as they
            are, since a server has to take it up, too.

    Attributes:
        served: versions by their numbers, the newest last.
        refused: versions that were not taken, by their numbers.
        loading: number of the version that is being loaded.
    """

    def __init__(
        self, source: Source, make: Make, *, keep: int = 1, is_remote: bool = False
    ) -> None:
        self.source, self._make, self._keep = source, make, keep
        self._is_remote = is_remote
        self.served: dict[str, Served] = {}
        self.refused: dict[str, Refusal] = {}
        self.loading: str | None = None
        self._seen: dict[str, Print] = {}
        self._told: dict[str, str] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> Served:
        """The newest version that is served."""
        return next(reversed(self.served.values()))

    def load(self) -> None:
        """Load the newest versions for the first time.

        Raises:
            TfnerError: there is none that can be served.
        """
        found = self.source.versions()
        errors: list[TfnerError] = []
        for number, place in reversed(found.items()):
            try:
                self._add(number, self._make(self.source, number, place))
            except TfnerError as error:
                errors.append(error)
                self._refuse(number, fingerprint(place), error)
            if len(self.served) == self._keep:
                return
        if not self.served:
            raise errors[0]

    async def refresh(self) -> None:
        """Take up new versions, then let go of old ones.

        A version is loaded once its files have not changed between two looks. The old
        ones stay until the new ones answer.
        """
        found = await asyncio.to_thread(self.source.versions)
        for number in list(self.refused):
            files = await asyncio.to_thread(fingerprint, found.get(number, ""))
            if self._is_remote or files != self.refused[number].files:
                del self.refused[number]
        wanted = [n for n in found if n not in self.refused][-self._keep :]
        for number in wanted:
            if number not in self.served:
                await self._try(number, found[number])
        if all(number in self.served for number in wanted) and wanted:
            for number in [n for n in self.served if n not in wanted]:
                retiring = asyncio.create_task(self._retire(self.served.pop(number)))
                self._retiring.add(retiring)
                retiring.add_done_callback(self._retiring.discard)

    async def _try(self, number: str, place: str) -> None:
        """Load a version whose files have settled; the model stays as it is if not."""
        files = await asyncio.to_thread(fingerprint, place)
        if files != self._seen.get(number):
            self._seen[number] = files
            return
        self.loading = number
        try:
            made = await asyncio.to_thread(self._make, self.source, number, place)
            self._add(number, made)
        except Exception as error:
            self._refuse(number, files, error)
        finally:
            self.loading = None

    def _add(self, number: str, served: Served) -> None:
        self.served[number] = served
        self.served = dict(sorted(self.served.items(), key=lambda item: int(item[0])))
        log("version loaded", model=self.source.name, version=number)

    def _refuse(self, number: str, files: Print, error: Exception) -> None:
        if lacks_memory(error):
            reason = "out of memory."
        elif isinstance(error, (TfnerError, OSError)):
            reason = str(error)
        else:
            reason = f"{type(error).__name__}; the log says where."
            log_failure("failure", error, model=self.source.name, version=number)
        is_known = self._told.get(number) == reason
        self.refused[number] = Refusal(reason, files)
        self._told[number] = reason
        if is_known:
            return
        log(
            "version refused",
            level=logging.WARNING,
            model=self.source.name,
            version=number,
            reason=reason,
        )

    async def _retire(self, served: Served) -> None:
        """Let a version go once nobody uses it any more."""
        while served.users:
            await asyncio.sleep(POLL)
        await asyncio.to_thread(served.close)
        gc.collect()
        log("version released", model=served.name, version=served.version)

    def describe(self) -> dict[str, Any]:
        """Give the model as `GET /v1/models` does."""
        newest = self.newest
        return {
            "name": self.source.name,
            "version": newest.version,
            "versions": list(self.served),
            "labels": list(newest.labels),
            "nested": newest.nested,
            "state": "ready" if self.loading is None else "loading",
            "loading": self.loading,
            "refused": {n: refusal.reason for n, refusal in self.refused.items()},
        }


class Registry:
    """All models that are served.

    Args:
        sources: of the models.
        make: see `Model`.
        **settings: of each `Model`.

    Raises:
        ConfigError: two models have one name.
    """

    def __init__(self, sources: Sequence[Source], make: Make, **settings: Any) -> None:
        self.models: dict[str, Model] = {}
        for source in sources:
            if source.name in self.models:
                raise ConfigError(
                    f"two models have the name {source.name}. Give each its own: "
                    "NAME=DIR."
                )
            self.models[source.name] = Model(source, make, **settings)

    def load(self) -> None:
        """Load all models.

        Raises:
            TfnerError: one cannot be served.
        """
        for model in self.models.values():
            model.load()

    async def watch(self, seconds: float) -> None:
        """Look for new versions for ever.

        Args:
            seconds: between two looks.
        """
        while True:
            await asyncio.sleep(seconds)
            for model in self.models.values():
                try:
                    await model.refresh()
                except (TfnerError, OSError) as error:
                    name = model.source.name
                    log(
                        "watch failed",
                        level=logging.WARNING,
                        model=name,
                        reason=str(error),
                    )

    async def close(self) -> None:
        """Answer what was accepted, then let all models go."""
        for model in self.models.values():
            for served in model.served.values():
                await asyncio.to_thread(served.close)

    def find(self, name: str | None) -> Model:
        """Find a model.

        Args:
            name: None if there is one alone.

        Raises:
            Refused: there is none of this name, or it must be named.
        """
        if name is None:
            if len(self.models) > 1:
                names = ", ".join(self.models)
                raise invalid(f"several models are served; `model` names one: {names}.")
            name = next(iter(self.models))
        if name not in self.models:
            raise missing(unknown("model", name[:SHOWN], self.models))
        return self.models[name]

    @contextmanager
    def use(
        self, name: str | None, version: str | int | None = None
    ) -> Iterator[Served]:
        """A version of a model, which is not let go meanwhile.

        Args:
            name: see `find`.
            version: None for the newest.

        Raises:
            Refused: there is none of this name or version.
        """
        model = self.find(name)
        if version is None:
            served = model.newest
        elif str(version) in model.served:
            served = model.served[str(version)]
        else:
            number = str(version)[:SHOWN]
            raise missing(unknown("version", number, model.served))
        served.users += 1
        try:
            yield served
        finally:
            served.users -= 1
