"""Ship a trained model: SavedModels and what serves them.

Nothing is loaded before it is asked for: `import tfner_export` costs no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfner_export.publish import export_saved_model

__all__ = ["export_saved_model"]

_HOMES = {"export_saved_model": "tfner_export.publish"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
