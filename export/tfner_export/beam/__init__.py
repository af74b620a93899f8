"""Entities by Apache Beam, for what one machine does not do in a night.

`python -m tfner_export.beam` predicts files; `EntityHandler` is for pipelines of your
own. Beam is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfner.storage.beam_files import import_beam

if TYPE_CHECKING:
    from tfner_export.beam.files import predict_files
    from tfner_export.beam.handler import EntityHandler

__all__ = ["EntityHandler", "predict_files"]

_HOMES = {"EntityHandler": "handler", "predict_files": "files"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_beam("tfner_export.beam")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
