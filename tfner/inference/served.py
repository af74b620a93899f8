"""Models on servers: their assets lie here, their graph runs there."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.clients.client import AsyncServingClient, ServingClient
from tfner.clients.settings import ClientSettings
from tfner.data.features import INPUT_IDS
from tfner.errors import BundleError, ConfigError
from tfner.inference.bundle import ON_SERVER
from tfner.inference.bundle_files import reading
from tfner.inference.engines import Engines
from tfner.inference.external import Extras
from tfner.inference.native_bundle import CONFIG, NativeBundle
from tfner.inference.server_runner import AsyncServerRunner, ServerRunner

if TYPE_CHECKING:
    import keras

NO_LENGTH = (
    "{} does not say how long the rows of the server are. Give the assets that were "
    "exported."
)
SERVER_SETTINGS = ("assets", *(f.name for f in fields(ClientSettings)))
"""What belongs to a model on a server alone."""


class ServedBundle(NativeBundle):
    """A model on a server, with the assets that its export wrote.

    Args:
        address: of the model, such as `grpc://localhost:8500/chunk`.
        assets: the bundle that was exported, or its assets.
        **settings: see `ClientSettings`, and `Extras`, of which none is taken.

    Raises:
        BundleError: the assets are damaged, or of a newer tfner.
        ConfigError: no assets are given, a setting cannot be used, or the model carries
            itself what is given.
    """

    def __init__(
        self, address: str, *, assets: str | Path | None = None, **settings: Any
    ) -> None:
        client = {n: settings.pop(n) for n in SERVER_SETTINGS if n in settings}
        Extras(**settings).refuse(address)
        if assets is None:
            raise ConfigError(
                f"{address} is on a server, which gives no tokenizer and labels. Give "
                "what was exported, or the bundle, with --assets."
            )
        super().__init__(assets)
        self.address = address
        with reading(self.directory / CONFIG):
            self._serving = dict(self.config.get("serving") or {})
            encoder = self.config["model"]["encoder"].get("config") or {}
        self._settings = {
            "vocab_size": encoder.get("vocab_size"),
            **client,
            "max_rows": client.get("max_rows") or self._serving.get("max_rows"),
        }

    def load_model(self) -> keras.Model:
        """Refuse: a server gives no Keras model.

        Raises:
            BundleError: always.
        """
        raise BundleError(ON_SERVER.format(self.address))

    def engines(self) -> Engines:
        """Refuse: the server decides.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"{self.address} is on a server, which runs it as it does. Leave out "
            "--engine and --precision."
        )

    def runner(self) -> ServerRunner:
        """Make a runner; the server is asked when it first runs.

        Raises:
            BundleError: neither the assets nor the server say how long rows are.
            ServingError: the assets do not say it, and the server does not answer.
        """
        client = ServingClient(self.address, **self._settings)
        if "max_length" not in self._serving:  # a bundle, not the assets of an export
            inputs = client.signature().inputs
            if INPUT_IDS.wire not in inputs:
                raise BundleError(NO_LENGTH.format(self.directory))
            shape = inputs[INPUT_IDS.wire].shape
            # Without a length of its own, a signature takes rows of any.
            self._serving["max_length"] = shape[1] if shape and shape[1] > 0 else None
        return ServerRunner(client, self.task, **self._rows())

    def async_runner(self) -> AsyncServerRunner:
        """Make a runner that does not block; see `runner`.

        Raises:
            BundleError: the assets are not those of an export.
        """
        if "max_length" not in self._serving:
            raise BundleError(NO_LENGTH.format(self.directory))
        client = AsyncServingClient(self.address, **self._settings)
        return AsyncServerRunner(client, self.task, **self._rows())

    def _rows(self) -> dict[str, Any]:
        return {
            "packs": bool(self._serving.get("packs")),
            "row_length": self._serving["max_length"],
        }
