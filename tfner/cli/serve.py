"""`tfner serve`: a gateway that finds entities over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from tfner.storage.remote import import_tensorflow

Models = Annotated[
    list[str],
    typer.Argument(
        help="Models as DIR or NAME=DIR; a directory of versions serves the newest."
    ),
]
Host = Annotated[str, typer.Option(metavar="HOST", help="Address to listen at.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")]


def command(models: Models, host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Find entities over HTTP: text in, entities out."""
    from tfner.gateway.server import Settings, serve

    import_tensorflow()
    serve(Settings(models=models, host=host, port=port))
