"""Clients of models on servers: arrays in, arrays out."""

from __future__ import annotations

import asyncio
import importlib
import time
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from tfner.clients.addresses import Address, read_address
from tfner.clients.checks import checked
from tfner.clients.failures import CallFailed, explain, is_untold
from tfner.clients.kserve import V2GrpcCodec, V2RestCodec
from tfner.clients.parts import join, split
from tfner.clients.serving import GrpcCodec, RestCodec
from tfner.clients.settings import ClientSettings
from tfner.clients.signatures import DEFAULT, Codec, Message, Signature
from tfner.errors import ConfigError, ServingError

Outputs = dict[str, NDArray[Any]]

EXTRA = {"httpx", "grpc", "stamina"}
"""Packages of the extra `client`, by their names in Python."""


class _Client:
    """Shared by both clients: all but the sending."""

    carriers: ClassVar[Mapping[str, str]]
    """Module and class of what carries requests, by the end of a protocol's name."""

    def __init__(
        self, address: str, *, vocab_size: int | None = None, **settings: Any
    ) -> None:
        self.address: Address = read_address(address)
        self.settings = ClientSettings(**settings)
        self.settings.check(self.address)
        self.vocab_size = vocab_size
        protocol = self.address.scheme.protocol
        self._codec: Codec = _codec(protocol, self.settings)
        self._signatures: dict[str, Signature] | None = None
        place = self.carriers[protocol.rpartition("_")[2]]
        self._carrier = _import(place)(self.address, self.settings)
        self._attempts = _import("tfner.clients.retries:attempts")

    def _refused(self, reason: object) -> ServingError:
        return ServingError(f"{self.address.text}: {reason}")

    def _explained(self, failure: CallFailed) -> ServingError:
        return explain(failure, self.address, self.settings)

    def _remaining(self, end: float) -> float:
        """Seconds until a request must be answered; at least a moment."""
        return max(end - time.monotonic(), 1e-3)

    def _read(self, answer: bytes) -> Outputs:
        try:
            outputs = self._codec.outputs(answer)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable(error) from error
        if not outputs:
            raise self._unreadable("it holds no outputs")
        return outputs

    def _unreadable(self, reason: object) -> ServingError:
        return self._refused(
            f"the answer cannot be read ({reason!s:.200}). Check that the address "
            "names the server's protocol."
        )

    def _known(self, answer: bytes) -> dict[str, Signature]:
        try:
            return self._codec.signatures(answer)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable(error) from error

    def _untold(self, failure: CallFailed, name: str) -> Signature:
        """A signature of which nothing is known.

        It is not kept: the server may only be without the model yet.

        Raises:
            ServingError: the failure is another one.
        """
        if is_untold(failure):
            return Signature(name, {}, {})
        raise self._explained(failure) from failure

    def _chosen(self, signatures: Mapping[str, Signature], name: str) -> Signature:
        if name in signatures:
            return signatures[name]
        if not signatures or self.address.scheme.protocol.startswith("v2"):
            return Signature(name, {}, {})  # V2 describes the default alone
        raise self._refused(
            f"the model has no signature {name!r}. It has "
            f"{', '.join(n for n in sorted(signatures) if n[:2] != '__') or 'none'}."
        )

    def _checked(
        self, inputs: Mapping[str, Any], signature: Signature | None
    ) -> list[dict[str, NDArray[Any]]]:
        try:
            arrays = checked(inputs, signature, self.vocab_size)
        except ValueError as error:
            raise self._refused(f"not sent: {error}") from None
        return split(arrays, self.settings.max_rows)

    def _refuse_early(self, inputs: Mapping[str, Any]) -> None:
        """Refuse what no model takes, before anything at all is sent.

        Raises:
            ServingError: it may not be sent.
        """
        if self._signatures is None:
            self._checked(inputs, None)

    def _joined(
        self,
        parts: list[dict[str, NDArray[Any]]],
        answers: list[Outputs],
        signature: Signature,
    ) -> Outputs:
        if self._signatures is None:
            self._signatures = {}  # the server does not tell, but runs the model
        sizes = [len(next(iter(part.values()))) for part in parts]
        try:
            outputs = join([_named(answer, signature) for answer in answers], sizes)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable(error) from error
        return outputs


class ServingClient(_Client):
    """Asks a model on a server for predictions.

    Several threads may ask at once. Nothing is sent before the first question.

    Args:
        address: such as `grpc://localhost:8500/chunk`; see `read_address`.
        vocab_size: pieces that the model knows, to refuse ids that it does not.
        **settings: see `ClientSettings`.

    Attributes:
        address: taken apart.
        settings: of the client.

    Raises:
        ConfigError: the address or a setting cannot be used, or a package is missing.
    """

    carriers: ClassVar = {
        "rest": "tfner.clients.http_carrier:HttpCarrier",
        "grpc": "tfner.clients.grpc_carrier:GrpcCarrier",
    }

    def __init__(
        self, address: str, *, vocab_size: int | None = None, **settings: Any
    ) -> None:
        super().__init__(address, vocab_size=vocab_size, **settings)
        self._closer = weakref.finalize(self, self._carrier.close)

    def signature(self, name: str = DEFAULT) -> Signature:
        """Look up what the model takes and gives; the server is asked once.

        Args:
            name: of the signature.

        Returns:
            The signature; without inputs and outputs if the server does not tell.

        Raises:
            ServingError: there is no such signature, or no answer.
        """
        if self._signatures is None:
            try:
                answer = self._send(self._codec.describe(self.address))
            except CallFailed as failure:
                return self._untold(failure, name)
            self._signatures = self._known(answer)
        return self._chosen(self._signatures, name)

    def predict(
        self, inputs: Mapping[str, Any], *, signature: str = DEFAULT
    ) -> Outputs:
        """Ask for predictions.

        Args:
            inputs: arrays of the same number of rows, by their names in the signature.
            signature: its name.

        Returns:
            Outputs by name. Those that have columns are as wide as the longest row of
            the batch that the server made, which may be another client's: take as many
            as you asked for.

        Raises:
            ServingError: the inputs may not be sent, or the server does not answer as
                it should.
        """
        self._refuse_early(inputs)
        about = self.signature(signature)
        parts = self._checked(inputs, about)
        messages = [self._codec.predict(self.address, p, signature) for p in parts]
        try:
            answers = [self._read(self._send(message)) for message in messages]
        except CallFailed as failure:
            raise self._explained(failure) from failure
        return self._joined(parts, answers, about)

    def _send(self, message: Message) -> bytes:
        end = time.monotonic() + self.settings.timeout
        for attempt in self._attempts(self.settings):
            with attempt:
                answer: bytes = self._carrier.send(message, self._remaining(end))
        return answer

    def close(self) -> None:
        """Close all connections, as also happens when nobody holds the client."""
        self._closer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncServingClient(_Client):
    """Asks a model on a server for predictions without blocking.

    Parts of a large request are under way at once. See `ServingClient`.
    """

    carriers: ClassVar = {
        "rest": "tfner.clients.http_carrier:AsyncHttpCarrier",
        "grpc": "tfner.clients.grpc_carrier:AsyncGrpcCarrier",
    }

    def __init__(
        self, address: str, *, vocab_size: int | None = None, **settings: Any
    ) -> None:
        super().__init__(address, vocab_size=vocab_size, **settings)
        self._at_once = asyncio.Semaphore(self.settings.connections)

    async def signature(self, name: str = DEFAULT) -> Signature:
        """Look up what the model takes and gives; see `ServingClient.signature`."""
        if self._signatures is None:
            try:
                answer = await self._send(self._codec.describe(self.address))
            except CallFailed as failure:
                return self._untold(failure, name)
            self._signatures = self._known(answer)
        return self._chosen(self._signatures, name)

    async def predict(
        self, inputs: Mapping[str, Any], *, signature: str = DEFAULT
    ) -> Outputs:
        """Ask for predictions; see `ServingClient.predict`."""
        self._refuse_early(inputs)
        about = await self.signature(signature)
        parts = self._checked(inputs, about)
        messages = [self._codec.predict(self.address, p, signature) for p in parts]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._send(m)) for m in messages]
        except ExceptionGroup as group:  # of the first, one sentence is enough
            failed = group.exceptions[0]
            if not isinstance(failed, CallFailed):
                raise failed from None
            raise self._explained(failed) from failed
        answers = [self._read(task.result()) for task in tasks]
        return self._joined(parts, answers, about)

    async def _send(self, message: Message) -> bytes:
        async with self._at_once:
            end = time.monotonic() + self.settings.timeout
            async for attempt in self._attempts(self.settings):
                with attempt:
                    answer: bytes = await self._carrier.send(
                        message, self._remaining(end)
                    )
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._carrier.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _named(outputs: Outputs, signature: Signature) -> Outputs:
    """Name what JSON leaves without a name: an only output, or a list of no rows."""
    values = outputs.get("")
    if values is None or (len(signature.outputs) != 1 and values.size):
        return outputs
    return dict.fromkeys(signature.outputs, values)


def _codec(protocol: str, settings: ClientSettings) -> Codec:
    if protocol != "rest" and settings.format != "column":
        raise ConfigError(
            "`format` is for TensorFlow Serving's REST alone. Leave it out."
        )
    codecs: dict[str, Codec] = {
        "rest": RestCodec(rows=settings.format == "row"),
        "grpc": GrpcCodec(),
        "v2_rest": V2RestCodec(),
        "v2_grpc": V2GrpcCodec(),
    }
    return codecs[protocol]


def _import(place: str) -> Any:
    """Import what stands in a module that needs the extra `client`.

    Args:
        place: module and name.

    Raises:
        ConfigError: a package is missing.
    """
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise ConfigError(
            f"models on servers need the package {error.name}. Install it: "
            "pip install 'tfner[client]'"
        ) from None
