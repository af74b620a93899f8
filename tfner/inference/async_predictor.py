"""Predictor that waits for a server without blocking."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tfner.document import Document
from tfner.inference.batching import Batch, make_batches
from tfner.inference.loading import open_served
from tfner.inference.server_runner import AsyncServerRunner
from tfner.tasks import Task
from tfner.tasks.context import encode_in_order


class AsyncPredictor:
    """A task and a server that runs its model.

    Args:
        task: encodes and decodes.
        run: asks the server.
    """

    def __init__(self, task: Task, run: AsyncServerRunner) -> None:
        self.task, self.run = task, run

    @classmethod
    def load(cls, address: str, *, assets: str | Path, **settings: Any) -> Self:
        """Make a predictor of a model on a server; nothing is sent yet.

        Args:
            address: such as `grpc://localhost:8500/chunk`.
            assets: what `tfner export` wrote.
            **settings: see `ClientSettings`.

        Raises:
            BundleError: the assets are damaged, or not those of an export.
            ConfigError: the address or a setting cannot be used.
        """
        bundle = open_served(address, assets=assets, **settings)
        return cls(bundle.task, bundle.async_runner())

    async def predict(self, documents: Sequence[str | Document]) -> list[Document]:
        """Predict entities, words and tags of documents; texts get the ids 1, 2, ….

        Batches are under way at once, and so may be many calls.

        Args:
            documents: texts or documents, all in memory.

        Raises:
            ServingError: the server does not answer as it should.
        """
        read, batches, sizes = await asyncio.to_thread(self._encode, documents)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.run(b.features)) for b in batches]
        except ExceptionGroup as failed:  # one sentence is enough
            raise failed.exceptions[0] from None
        cut: dict[int, dict[str, Any]] = {}
        for batch, task in zip(batches, tasks, strict=True):
            cut.update(batch.cut(task.result()))
        outputs = iter([cut[number] for number in range(len(cut))])
        found = [[next(outputs) for _ in windows] for windows in sizes]
        return [*self.task.decode_all(read, sizes, found)]

    def _encode(
        self, documents: Sequence[str | Document]
    ) -> tuple[list[Document], list[Batch], list[Any]]:
        pairs = [*encode_in_order(self.task, documents)]
        windows = [encoded.windows for _, encoded in pairs]
        flat = [window for some in windows for window in some]
        pad_id = self.task.tokenizer.pad_id
        batches = [*make_batches(self.run, flat, pad_id=pad_id)]
        return [document for document, _ in pairs], batches, windows

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.run.client.close()
