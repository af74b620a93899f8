"""Addresses of models on servers, which name protocol, server, model and version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from tfner.errors import ConfigError


class Scheme(NamedTuple):
    """The part of an address before `://`.

    Args:
        protocol: "rest" or "grpc" of TensorFlow Serving, "v2_rest" or "v2_grpc" of
            KServe and others.
        port: where servers listen if the address names no port.
        secure: over TLS.
    """

    protocol: str
    port: int
    secure: bool = False


SCHEMES = {
    "http": Scheme("rest", 80),
    "https": Scheme("rest", 443, secure=True),
    "grpc": Scheme("grpc", 8500),
    "grpcs": Scheme("grpc", 443, secure=True),
    "v2+http": Scheme("v2_rest", 80),
    "v2+https": Scheme("v2_rest", 443, secure=True),
    "v2+grpc": Scheme("v2_grpc", 8081),
    "v2+grpcs": Scheme("v2_grpc", 443, secure=True),
}
EXAMPLES = (
    "http://HOST:8501/v1/models/NAME, grpc://HOST:8500/NAME, v2+http://HOST:8080/NAME "
    "or v2+grpc://HOST:8081/NAME"
)
PATH = re.compile(
    r"(?P<prefix>(?:/.+)?)/v[12]/models/(?P<name>[^/:]+)(?P<rest>.*)"
    r"|/(?!v[12](?:/|$))(?P<short>[^/:]+)(?P<short_rest>.*)"
)
REST_OF_PATH = re.compile(
    r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?(?::predict|/infer|/)?"
)


@dataclass(frozen=True)
class Address:
    """A model on a server.

    Args:
        text: as it was given.
        scheme: how the server is spoken to.
        host: its name or number.
        port: where it listens.
        prefix: of the path, where a proxy gives the server one.
        model: the model's name.
        version: None for the latest.
        label: such as "stable", in place of a version.
    """

    text: str
    scheme: Scheme
    host: str
    port: int
    prefix: str
    model: str
    version: int | None = None
    label: str | None = None

    @property
    def server(self) -> str:
        """Host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The server's root, for REST."""
        return f"http{'s' if self.scheme.secure else ''}://{self.server}"

    def path(self, api: str) -> str:
        """The model's path for REST.

        Args:
            api: "v1" or "v2".
        """
        path = f"{self.prefix}/{api}/models/{quote(self.model, safe='')}"
        if self.version is not None:
            return f"{path}/versions/{self.version}"
        return path if self.label is None else f"{path}/labels/{quote(self.label)}"


def is_address(model: object) -> bool:
    """Tell whether a model is on a server.

    Example:
        >>> is_address("grpc://localhost:8500/chunk"), is_address("gs://bucket/model")
        (True, False)
    """
    scheme, mark, _ = str(model).partition("://")
    return bool(mark) and scheme.lower() in SCHEMES


def read_address(text: str) -> Address:
    """Take an address apart.

    Args:
        text: such as `grpc://localhost:8500/chunk`, with `/versions/3` or
            `/labels/stable` after the name if not the latest version is meant.

    Raises:
        ConfigError: it names no server, no model, or what its protocol does not have.

    Example:
        >>> read_address("https://host/v1/models/chunk/labels/canary").label
        'canary'
    """
    name, _, rest = text.strip().partition("://")
    if name.lower() not in SCHEMES:
        raise ConfigError(f"{text} is no address of a model. Give {EXAMPLES}.")
    scheme = SCHEMES[name.lower()]
    try:
        parts = urlsplit(f"//{rest}")
        port = scheme.port if parts.port is None else parts.port
    except ValueError as error:
        raise ConfigError(f"{text} is no address: {error}. Give {EXAMPLES}.") from None
    if parts.username is not None:
        raise ConfigError(
            f"the address of {parts.hostname} holds a user's name, which would be "
            "shown in messages. Give it as --header 'Authorization: Basic ...'"
        )
    match = PATH.fullmatch(parts.path)
    if not parts.hostname or match is None or parts.query or parts.fragment:
        raise ConfigError(
            f"{text} names no {'server' if not parts.hostname else 'model'}. Give "
            f"{EXAMPLES}."
        )
    end = REST_OF_PATH.fullmatch(match["rest"] or match["short_rest"] or "")
    if end is None:
        raise ConfigError(
            f"{text} has more behind the model's name than /versions/NUMBER or "
            "/labels/NAME. Leave it out."
        )
    if end["label"] and scheme.protocol.startswith("v2"):
        raise ConfigError(
            f"{text}: the V2 protocol knows no labels of versions. Give "
            "/versions/NUMBER, or none for the latest."
        )
    return Address(
        text.strip(),
        scheme,
        parts.hostname,
        port,
        match["prefix"] or "",
        unquote(match["name"] or match["short"]),
        int(end["version"]) if end["version"] else None,
        unquote(end["label"]) if end["label"] else None,
    )
