"""The peer of the load test: transformers' pipeline behind FastAPI, as it is shown.

    python -m benchmarks.serving.pipeline_peer DIR

An endpoint that is no coroutine runs in FastAPI's threads; a lock lets one text after
the other through the pipeline, which is faster here than all threads at once.
"""

from __future__ import annotations

import argparse
import logging
import socket
import sys
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline


class Texts(BaseModel):
    """A request."""

    texts: list[str]


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Serve a pipeline.")
    parser.add_argument("model")
    logging.disable()
    app = make_app(parser.parse_args().model)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    listener = uvicorn.Config(app, port=0, log_config=None).bind_socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run([listener])


def make_app(model: str) -> FastAPI:
    """Return the application of a Hugging Face directory."""
    tag = pipeline("token-classification", model, aggregation_strategy="first")
    app, one_by_one = FastAPI(), threading.Lock()

    @app.post("/v1/entities")
    def entities(asked: Texts) -> dict[str, Any]:
        with one_by_one:
            found = tag(asked.texts)
        return {
            "documents": [
                {
                    "entities": [
                        {
                            "start": entity["start"],
                            "end": entity["end"],
                            "label": entity["entity_group"],
                            "score": round(float(entity["score"]), 4),
                        }
                        for entity in entities
                    ]
                }
                for entities in found
            ]
        }

    return app


if __name__ == "__main__":
    main()
