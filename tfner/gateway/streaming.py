"""Streams of NDJSON: a line a text, answered in order while more arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tfner.document import Document
from tfner.gateway.errors import CANNOT_PREDICT, Refused
from tfner.gateway.gate import NDJSON, body_parts, body_too_large, facts_of
from tfner.gateway.schemas import (
    GivenDocument,
    Options,
    refusal,
    to_answer,
    to_document,
)
from tfner.gateway.state import gateway_of
from tfner.tasks.context import DOCUMENT

GROUP = 32
"""Lines that are predicted together at most; those that have arrived already."""
AHEAD = 4
"""Groups that are being predicted while an earlier one is sent."""
PAUSE = 0.02
"""Seconds between two looks at whether the queue has room."""

LINE: TypeAdapter[str | GivenDocument] = TypeAdapter(str | GivenDocument)

Lines = list[tuple[int, bytes]]
Groups = asyncio.Queue[asyncio.Task[bytes] | None]


class Stream(Response):
    """The answer to a stream, which is written while the stream is read.

    Args:
        request: its body has not been read.
        options: of all its lines.
    """

    media_type = NDJSON.decode()

    def __init__(self, request: Request, options: Options) -> None:
        super().__init__(media_type=self.media_type)
        del self.headers["content-length"]
        self._request, self._options = request, options
        self._limits, self._next = gateway_of(request).limits, 1
        self._group = min(GROUP, self._limits.max_queue)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read, predict and answer until the stream ends.

        Raises:
            Refused: the model or a label does not exist.
        """
        del scope, receive
        options = self._options
        registry = gateway_of(self._request).registry
        with registry.use(options.model, options.version) as served:
            served.check_labels(options.labels)
            self._served = served
            self._facts = facts_of(self._request)
            self._facts |= {"model": served.name, "version": served.version}
            self._facts |= {"texts": 0, "characters": 0}
            await self._run(send)

    async def _run(self, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": self.raw_headers})
        groups = Groups(AHEAD)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(groups, tasks))
            while (group := await groups.get()) is not None:
                body = await group
                part = {"type": "http.response.body", "body": body}
                await send({**part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _read(self, groups: Groups, tasks: asyncio.TaskGroup) -> None:
        """Have lines predicted as they come in."""
        try:
            async for lines in self._lines():
                for start in range(0, len(lines), self._group):
                    group = lines[start : start + self._group]
                    await groups.put(tasks.create_task(self._answer(group)))
        except ClientDisconnect:
            pass  # there are no more lines
        except TimeoutError:
            stalled = Refused(408, "body_too_slow", "the next line did not arrive.")
            await groups.put(tasks.create_task(_told(self._next, stalled)))
        except Refused as refused:
            await groups.put(tasks.create_task(_told(self._next, refused)))
        await groups.put(None)

    async def _lines(self) -> AsyncIterator[Lines]:
        """Yield the lines that have arrived, with their numbers; empty ones have none.

        Raises:
            Refused: a line does not end within its limit.
            TimeoutError: nothing more arrives.
        """
        rest = b""
        async for part in body_parts(self._request, self._limits.deadline):
            *lines, rest = (rest + part).split(b"\n")
            numbered = enumerate(lines, self._next)
            yield [(number, line) for number, line in numbered if line.strip()]
            self._next += len(lines)
            if len(rest) > self._limits.max_body:
                raise body_too_large(self._limits)
        if rest.strip():
            yield [(self._next, rest)]

    async def _answer(self, lines: Lines) -> bytes:
        """Answer lines in order: with entities, or with what is wrong."""
        answers: dict[int, bytes] = {}
        documents: dict[int, Document] = {}
        for number, line in lines:
            try:
                documents[number] = self._document(number, line)
            except Refused as refused:
                answers[number] = _error(number, refused)
        self._facts["texts"] += len(documents)
        self._facts["characters"] += sum(len(d.text) for d in documents.values())
        answers |= await self._predict(documents)
        return b"".join(answers[number] for number, _ in lines)

    def _document(self, number: int, line: bytes) -> Document:
        """Read a line.

        Raises:
            Refused: it is not as it should be, or too long.
        """
        if len(line) > self._limits.max_body:
            raise body_too_large(self._limits)
        try:
            given = LINE.validate_json(line, strict=True)
        except ValidationError as error:
            raise refusal(error.errors(include_url=False)) from None
        if isinstance(given, str):
            given = GivenDocument(id=None, text=given, words=None)
        self._limits.check([len(given.text)])
        document = to_document(given, number, self._options.offsets)
        # No line is a neighbour of others: which come together is chance.
        return replace(document, metadata={DOCUMENT: str(number)})

    async def _predict(self, documents: Mapping[int, Document]) -> dict[int, bytes]:
        """Predict documents; those that one of them harms, each by itself."""
        if not documents:
            return {}
        try:
            await self._wait_for_room(len(documents))
            found = await self._served.predict(
                list(documents.values()),
                lambda found: [_line(to_answer(d, self._options)) for d in found],
                seconds=self._limits.deadline,
                gone=asyncio.get_running_loop().create_future,
            )
            return dict(zip(documents, found, strict=True))
        except Refused as refused:
            if len(documents) == 1 or refused.status != CANNOT_PREDICT:
                return {number: _error(number, refused) for number in documents}
        answers: dict[int, bytes] = {}
        for number, document in documents.items():
            answers |= await self._predict({number: document})
        return answers

    async def _wait_for_room(self, count: int) -> None:
        """Wait until the queue has room: a stream is slowed down, and not refused."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.deadline):
                while not self._served.has_room(count):
                    await asyncio.sleep(PAUSE)


def _line(answer: Any) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)


def _error(number: int, refused: Refused) -> bytes:
    """The answer to a line that was refused."""
    error = {"code": refused.code, "message": refused.message}
    return _line({"line": number, "error": error})


async def _told(number: int, refused: Refused) -> bytes:
    return _error(number, refused)
