"""Signatures of served models, and the messages about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from tfner.clients.addresses import Address

Arrays = Mapping[str, NDArray[Any]]

DEFAULT = "serving_default"


class TensorInfo(NamedTuple):
    """A tensor that a signature takes or gives.

    Args:
        dtype: name of numpy's type, "object" for strings.
        shape: -1 where any size will do; None if the server does not tell.
    """

    dtype: str
    shape: tuple[int, ...] | None


class Signature(NamedTuple):
    """A signature of a served model.

    Args:
        name: such as "serving_default".
        inputs: by name.
        outputs: by name.
        version: of the model, as far as the server tells.
    """

    name: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]
    version: str = ""


class Message(NamedTuple):
    """A request on its way.

    Args:
        route: path of REST, or method of gRPC.
        body: None for a GET.
    """

    route: str
    body: bytes | None


class Codec(Protocol):
    """Writes requests of one protocol and reads the answers; nothing is sent here."""

    def predict(self, address: Address, inputs: Arrays, signature: str) -> Message:
        """Write a request for predictions.

        Args:
            address: of the model.
            inputs: of the same number of rows, by name.
            signature: its name.
        """
        ...

    def outputs(self, answer: bytes) -> dict[str, NDArray[Any]]:
        """Read predictions.

        Raises:
            ValueError: the answer holds none.
        """
        ...

    def describe(self, address: Address) -> Message:
        """Write a request for what the model takes and gives."""
        ...

    def signatures(self, answer: bytes) -> dict[str, Signature]:
        """Read what the model takes and gives, by signature.

        Raises:
            ValueError: the answer does not tell.
        """
        ...
