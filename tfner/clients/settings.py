"""Settings of clients, whatever the protocol."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tfner.clients.addresses import Address
from tfner.errors import ConfigError

FORMATS = ("column", "row")


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Settings of a client.

    Args:
        timeout: seconds until a request must be answered, all attempts together.
        attempts: how often a request is sent at most; a second time only if the server
            was not reached, broke off, or was too busy to take it.
        max_rows: most rows of a request; larger ones are split. What the export's
            assets say if None, or else no limit.
        headers: sent with every request (metadata of gRPC).
        ca: PEM file of the authority that signed the server's certificate; those of
            the system if None.
        certificate: PEM file that the server knows this client by.
        key: PEM file of the certificate's private key.
        connections: most connections at once (REST), and most parts of a request at
            once (asynchronous clients).
        format: of requests to TensorFlow Serving's REST: "column" or "row".

    Raises:
        ConfigError: a value is out of range, or `key` and `certificate` are not given
            together.
    """

    timeout: float = 60.0
    attempts: int = 3
    max_rows: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    connections: int = 8
    format: str = "column"

    def __post_init__(self) -> None:
        if not self.timeout > 0:
            raise ConfigError(f"`timeout` must be above 0 s. Received: {self.timeout}")
        for name in ("attempts", "connections", "max_rows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"`{name}` must be at least 1. Received: {value}")
        if self.format not in FORMATS:
            raise ConfigError(
                f"`format` is one of {', '.join(FORMATS)}. Received: {self.format!r}"
            )
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("give --certificate and --key together, or neither.")
        for file in (self.ca, self.certificate, self.key):
            if file is not None and not Path(file).is_file():
                raise ConfigError(f"there is no file {file}. Give a PEM file.")

    def check(self, address: Address) -> None:
        """Refuse what an address has no use for.

        Raises:
            ConfigError: files of TLS are given for an address without TLS.
        """
        if address.scheme.secure or (self.ca is None and self.certificate is None):
            return
        scheme = address.text.partition("://")[0]
        raise ConfigError(
            f"{address.text} is spoken to without TLS, and certificates are given. "
            f"Write {scheme}s:// in place of {scheme}://, or leave out --ca, "
            "--certificate and --key."
        )


def tls_context(settings: ClientSettings) -> ssl.SSLContext:
    """Make what secure connections are made with.

    Raises:
        ConfigError: a PEM file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.certificate is not None:
            # Without a password, or the terminal would be asked for one.
            context.load_cert_chain(settings.certificate, settings.key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ConfigError(
            f"the files of --ca, --certificate and --key cannot be used: {error}. Give "
            "PEM files, the key without a password."
        ) from None
    return context
