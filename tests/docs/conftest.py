"""README and manual, cut into what tests look at."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- run( slow)? -->\n)?```(\w+)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block: its language, its text, and in which tier it is run."""

    language: str
    text: str
    tier: str


class Markdown:
    """What tests ask of a page."""

    pages = PAGES
    root = ROOT

    @staticmethod
    def blocks(text: str, *languages: str) -> list[Block]:
        """The fenced blocks of a page; `<!-- run -->` above one has it executed."""
        return [
            Block(
                language, content, "slow" if slow else "fast" if "<!--" in whole else ""
            )
            for whole, slow, language, content in (
                (match.group(0), *match.groups()) for match in BLOCK.finditer(text)
            )
            if language in languages
        ]

    @staticmethod
    def calls(text: str) -> list[list[str]]:
        """The calls of `tfner` in bash blocks, split into words."""
        script = "\n".join(b.text for b in Markdown.blocks(text, "bash"))
        found = []
        for line in script.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            starts = [i for i, word in enumerate(words) if word == "tfner"]
            ends = [i for i, word in enumerate(words) if word in {"&&", "|", ";", ">"}]
            found += [
                words[i + 1 : min([e for e in ends if e > i] or [len(words)])]
                for i in starts
            ]
        return found


@pytest.fixture(scope="session")
def markdown() -> type[Markdown]:
    """Blocks and calls of a page."""
    return Markdown
