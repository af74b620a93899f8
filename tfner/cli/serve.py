"""`tfner serve`: a gateway that finds entities over HTTP."""

from __future__ import annotations

import importlib.util
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from tfner.cli.options import Decode, EngineOptions, ModelOptions, with_groups
from tfner.cli.server_options import ServerOptions
from tfner.config import limits as bounds
from tfner.errors import ConfigError
from tfner.gateway.limits import Limits

EXTRA = ("fastapi", "orjson", "prometheus_client", "uvicorn")
TOKEN = "TFNER_TOKEN"  # noqa: S105 (a variable of the environment)

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="Models, as DIR or NAME=DIR: what `tfner predict` takes, or a directory "
        "of numbered versions, of which the newest is served and new ones are taken "
        "up.",
    ),
]


@dataclass(frozen=True)
class LimitOptions:
    """Options for what is refused."""

    heading: ClassVar = "Limits, of each process"

    max_body: Annotated[
        int,
        typer.Option(
            min=1, max=2**31 - 1, help="Bytes of a request, or of a line of NDJSON."
        ),
    ] = Limits.max_body
    max_texts: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Texts of a request.")
    ] = Limits.max_texts
    max_characters: Annotated[
        int, typer.Option(min=1, max=2**31 - 1, help="Characters of a text.")
    ] = Limits.max_characters
    max_queue: Annotated[
        int,
        typer.Option(
            min=1,
            max=10_000_000,
            help="Texts that wait for a model; more are refused (429).",
        ),
    ] = Limits.max_queue
    max_requests: Annotated[
        int,
        typer.Option(
            min=1,
            max=1_000_000,
            help="Requests answered at once; more are refused (429).",
        ),
    ] = Limits.max_requests
    deadline: Annotated[
        float,
        typer.Option(
            min=0.001, max=bounds.SECONDS, help="Seconds that a request may wait (504)."
        ),
    ] = Limits.deadline
    idle: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=bounds.SECONDS,
            help="Seconds after which a client that stands still is left.",
        ),
    ] = Limits.idle


@dataclass(frozen=True)
class AccessOptions:
    """Options for who may ask."""

    heading: ClassVar = "Access"

    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the token that clients must bear; that of the environment "
            f"variable {TOKEN} if not set, and none if there is none.",
        ),
    ] = None
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Origin whose pages in browsers may ask, such as "
            "https://example.org; may be repeated. * for all.",
        ),
    ] = None

    def token(self) -> str | None:
        """The token, without the line's end; None if none is wanted.

        Raises:
            ConfigError: it is empty, or no header can hold it.
        """
        if self.token_file is None:
            token = os.environ.get(TOKEN)
            place = f"the environment variable {TOKEN}"
        else:
            token = self.token_file.read_text("utf-8").strip()
            place = str(self.token_file)
        if token is not None and not (
            token and token.isascii() and token.isprintable()
        ):
            raise ConfigError(
                f"{place} holds no token. Give printable ASCII characters, or leave "
                "it out."
            )
        return token


@dataclass(frozen=True)
class ProcessOptions:
    """Options for the processes that serve."""

    heading: ClassVar = "Server"

    host: Annotated[
        str,
        typer.Option(metavar="HOST", help="Address to listen at; 0.0.0.0 for all."),
    ] = "127.0.0.1"
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")
    ] = 8080
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=bounds.PROCESSES,
            help="Processes that share the port, each with its own models.",
        ),
    ] = 1
    versions: Annotated[
        int,
        typer.Option(
            min=1, max=1_000, help="Newest versions of a model that are served."
        ),
    ] = 1
    poll: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=bounds.SECONDS,
            help="Seconds between two looks for new versions.",
        ),
    ] = 2.0
    drain: Annotated[
        float,
        typer.Option(
            min=0,
            max=bounds.SECONDS,
            help="Seconds in which requests are still taken after SIGTERM, while "
            "/readyz says no.",
        ),
    ] = 0.0
    tracing: Annotated[
        bool,
        typer.Option(
            "--tracing",
            help="Send a span of each request by OpenTelemetry, to where its "
            "environment variables say (OTEL_EXPORTER_OTLP_ENDPOINT).",
        ),
    ] = False


@with_groups
def command(
    models: Models,
    server: ProcessOptions,
    behind: ServerOptions,
    limits: LimitOptions,
    access: AccessOptions,
    given: ModelOptions,
    engines: EngineOptions,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Server that runs the models, such as grpc://localhost:8500 or "
            "v2+http://localhost:8080; a MODEL gives tokenizer and labels alone, its "
            "name is that on the server.",
        ),
    ] = None,
    decode: Decode = None,
) -> None:
    """Find entities over HTTP: text in, entities out, with a page to try it.

    POST /v1/entities takes texts; TensorFlow Serving's and KServe's requests are
    answered, too. /docs lists everything. Ends on SIGTERM when all is answered.
    """
    lacking = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if lacking:
        raise ConfigError(
            f"serving needs {', '.join(lacking)}: pip install 'tfner[serve]'"
        )
    from tfner.gateway.server import Settings, serve

    token = access.token()
    loading = {"decode": decode, **given.extras(), **behind.settings()}
    loading |= vars(engines)
    if "assets" in loading:
        raise ConfigError("a MODEL gives the assets itself: leave out --assets.")
    if backend is not None:
        loading.setdefault("timeout", limits.deadline)
    serve(
        Settings(
            models=models,
            **vars(server),
            limits=Limits(**vars(limits)),
            token=token,
            origins=access.cors or (),
            backend=backend,
            loading=loading,
            log_level=logging.getLogger("tfner").level,
        )
    )
