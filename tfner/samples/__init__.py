"""The bundled sample corpora; `README.md` beside them says what they hold."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

Part = Literal["train", "dev", "test"]


def english(part: Part) -> Path:
    """The file of one part of the English sample, in the jsonl corpus format.

    Example:
        >>> english("dev").name
        'english_dev.jsonl'
    """
    return Path(str(files(__name__).joinpath(f"english_{part}.jsonl")))


def japanese(part: Part) -> Path:
    """The file of one part of the Japanese sample, in Rasa NLU Markdown.

    Example:
        >>> japanese("dev").name
        'japanese_dev.md'
    """
    return Path(str(files(__name__).joinpath(f"japanese_{part}.md")))
