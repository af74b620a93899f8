"""README and changelog say what is so."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import tfner

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = [
    "Install",
    "Two commands",
    "Train and predict",
    "Japanese",
    "Pretrain an encoder",
    "Export and serve",
    "Results",
    "Limits",
    "Where to read on",
]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def section(title: str) -> str:
    """The README from one second-level heading to the next."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def tfner_commands(text: str) -> list[list[str]]:
    """The calls of `tfner` in bash blocks, split into words."""
    script = "\n".join(blocks(text, "bash")).replace("\\\n", " ")
    found = []
    for line in script.splitlines():
        words = shlex.split(line, comments=True)
        starts = [i for i, word in enumerate(words) if word == "tfner"]
        ends = [
            i for i, word in enumerate(words) if word in {"&&", "|", ";", "||", ">"}
        ]
        found += [
            words[start + 1 : min([end for end in ends if end > start] or [len(words)])]
            for start in starts
        ]
    return found


def tfner_help(*command: str) -> tuple[int, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "export")])
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from tfner.cli.main import main; main()"),
            *(*command, "--help"),
        ],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def test_readme_opens_with_one_sentence() -> None:
    title, sentence, _ = README.split("\n\n", 2)
    assert title == "# tfner"
    assert re.fullmatch(r"[^.]+\.", sentence.replace("\n", " "))


def test_readme_sections_stand_in_their_order() -> None:
    assert re.findall(r"^## (.+)$", README, flags=re.M) == SECTIONS


def test_readme_shows_training_and_prediction_within_15_lines() -> None:
    shown = blocks(section("Train and predict"), r"(?:bash|python)")
    assert shown
    assert len(shown[0].splitlines()) <= 15


@pytest.mark.parametrize("code", blocks(README, "python"))
def test_readme_python_compiles(code: str) -> None:
    compile(code, "README.md", "exec")


def test_every_command_and_flag_of_the_readme_exists() -> None:
    calls = tfner_commands(README)
    assert calls
    unknown = []
    for words in calls:
        group = 2 if words[0] == "corpus" else 1
        command = [w for w in words[:group] if not w.startswith("-")]
        status, text = tfner_help(*command)
        flags = [w.partition("=")[0] for w in words if w.startswith("--")]
        known = set(re.findall(r"--[a-z][a-z-]*", text))
        unknown += [" ".join(words)] if status or set(flags) - known else []
    assert unknown == []


def test_every_extra_named_in_the_readme_exists() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    named = re.findall(r"\.\[([\w,]+)\]", README)
    extras = {extra for group in named for extra in group.split(",")}
    assert extras
    assert extras <= set(settings["options.extras_require"])


def test_links_to_files_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_changelog_headings_begin_with_unreleased_then_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", CHANGELOG, flags=re.M)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == tfner.__version__
    dates = [date.fromisoformat(day) for _, day in headings[1:]]
    assert dates == sorted(dates, reverse=True)


def test_shell_lines_are_split_into_calls_of_tfner() -> None:
    text = """```bash
pip install -e . && tfner demo && tfner train \\
    --train a.bio --epochs 3  # minutes
cat a.txt | tfner predict model - | head
```"""
    assert tfner_commands(text) == [
        ["demo"],
        ["train", "--train", "a.bio", "--epochs", "3"],
        ["predict", "model", "-"],
    ]
