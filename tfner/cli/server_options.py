"""Options for a model on a server."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from tfner.config import limits


@dataclass(frozen=True)
class ServerOptions:
    """Options for a model on a server, as `ClientSettings` takes them."""

    heading: ClassVar = "A model on a server"

    assets: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="What `tfner export` wrote, or the bundle, for tokenizer and labels.",
        ),
    ] = None
    max_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=limits.BATCH,
            metavar="N",
            help="Most rows of a request; what the assets say if not set.",
        ),
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=limits.SECONDS,
            metavar="SECONDS",
            help="Time until a request must be answered, all attempts together; 60 if "
            "not set.",
        ),
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEADER",
            help="Header of every request, NAME: VALUE (metadata of gRPC); may be "
            "repeated.",
        ),
    ] = None
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="PEM of the authority that signed the server's certificate; those of "
            "the system if not set.",
        ),
    ] = None
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PEM that the server knows this client by."),
    ] = None
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="PEM of the private key of that certificate."
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """Give the options that are set as `Predictor.load` takes them."""
        given = {name: v for name, v in dataclasses.asdict(self).items() if v}
        headers = [header.partition(":") for header in given.pop("header", ())]
        for name, colon, _ in headers:
            if not colon or not name.strip():
                raise typer.BadParameter("a header is written 'NAME: VALUE'.")
        if headers:
            given["headers"] = {n.strip(): value.strip() for n, _, value in headers}
        return given
