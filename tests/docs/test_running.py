"""The blocks of README and manual that are marked `<!-- run -->` run.

They run in a folder with the files that the pages name, on a tiny encoder. Blocks that
are marked `<!-- run slow -->` run in the slow tier, for one epoch.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfner import samples
from tfner.cli import main
from tfner.samples import english

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [page for page in PAGES if "<!-- run" in page.read_text(encoding="utf-8")]
QUICK_ONES = [page for page in RUN if "<!-- run -->" in page.read_text("utf-8")]
SLOW_ONES = [page for page in RUN if "<!-- run slow -->" in page.read_text("utf-8")]
SPLITS: tuple[samples.Split, ...] = ("train", "dev", "test")
WITHOUT_CORPUS = ("first-model",)
"""Pages that write the corpora themselves."""
WITH_MODEL = ("scores", "serving")
"""Pages that speak of a model which they do not train."""
QUICK = ["--epochs", "1", "--no-jit-compile", "--limit", "40"]
ENCODER = "path/to/encoder"


def names(pages: list[Path]) -> Any:
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.stem)


def call(command: str) -> None:
    """Run a line of a shell in this process; it is a call of tfner."""
    words = shlex.split(command)
    assert words[0] == "tfner", f"{command}: only calls of tfner are run"
    sys.argv = [*words, *(QUICK if words[1] == "train" else [])]
    code: Any = 0
    try:
        main.main()
    except SystemExit as end:
        code = end.code
    assert not code, command


def run_blocks(markdown: Any, page: Path, tiers: set[str]) -> None:
    space: dict[str, Any] = {"__name__": page.stem}
    blocks = markdown.blocks(page.read_text(encoding="utf-8"), "bash", "python")
    for block in (block for block in blocks if block.tier in tiers):
        if block.language == "bash":
            for line in block.text.replace("\\\n", " ").splitlines():
                call(line)
        else:
            code = re.sub(r"(epochs\W+)10\b", r"\g<1>1", block.text)
            exec(compile(code, str(page), "exec"), space)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which the files of a page lie."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tfner"])
    return tmp_path


def write_files(page: Path) -> None:
    """The corpora and texts that a page names."""
    Path("texts.txt").write_text("Ada Lovelace lived in London.\n", encoding="utf-8")
    for part in () if page.stem in WITHOUT_CORPUS else SPLITS:
        source = english(part)
        call(f"tfner corpus convert {source} {part}.bio --split-words punctuation")
        call(f"tfner corpus convert {part}.bio {part}.jsonl")


@pytest.fixture
def with_encoder(
    folder: Path, long_encoder_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], None]:
    """Writes the files of a page, the encoder and, where a page needs one, a model."""

    def prepare(page: Path) -> None:
        write_files(page)
        shutil.copytree(long_encoder_directory, folder / ENCODER)
        monkeypatch.setattr(samples, "minilm", lambda: ENCODER)
        if page.stem in WITH_MODEL:
            files = "--train train.bio --dev dev.bio"
            call(f"tfner train {files} --encoder {ENCODER} --output model")

    return prepare


@names(QUICK_ONES)
@pytest.mark.usefixtures("folder")
def test_quick_blocks_run(page: Path, markdown: Any) -> None:
    write_files(page)
    run_blocks(markdown, page, {"fast"})


@pytest.mark.slow
@names(SLOW_ONES)
def test_all_marked_blocks_run(
    page: Path, with_encoder: Callable[[Path], None], markdown: Any
) -> None:
    with_encoder(page)
    run_blocks(markdown, page, {"fast", "slow"})
