"""Advice can be followed: an option that a message names exists where it is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import tfner
import tfner_export
from tfner.cli.main import app

ROOT = Path(tfner.__file__).parent
PACKAGES = (ROOT, Path(tfner_export.__file__).parent)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+[a-z]")
COMMAND = re.compile(r"tfner ([a-z-]+)|`(corpus [a-z]+)")

CORPUS = tuple(f"corpus {name}" for name in ("convert", "stats", "check", "split"))
TRAINING, PREDICTING = ("train", "find-lr", "tune"), ("evaluate", "predict")
READING = (*CORPUS, *TRAINING, *PREDICTING, "compare")

READ_IN = {
    "tfner/checkpoints/saved_graph.py": (*PREDICTING, "compare", "distill", "serve"),
    "tfner/checkpoints/tagger_labels.py": (*PREDICTING, "export"),
    "tfner/cli/process.py": ("train", "distill", "pretrain", "pretrain-data"),
    "tfner/clients/": PREDICTING,
    "tfner/config/files.py": TRAINING,
    "tfner/corpus/": READING,
    "tfner/corpus/checks/": ("corpus check",),
    "tfner/data/": TRAINING,
    "tfner/evaluation/": ("evaluate",),
    "tfner/finetuning/": ("train",),
    "tfner/finetuning/distill.py": ("distill",),
    "tfner/finetuning/lr_finder.py": ("find-lr",),
    "tfner/finetuning/student.py": ("distill",),
    "tfner/finetuning/study.py": ("tune",),
    "tfner/finetuning/teacher.py": ("distill",),
    "tfner/finetuning/tuning.py": ("tune",),
    "tfner/gateway/": ("serve",),
    "tfner/inference/": PREDICTING,
    "tfner/inference/processes.py": ("predict",),
    "tfner/models/": TRAINING,
    "tfner/models/encoders/parts.py": ("distill",),
    "tfner/models/encoders/stack.py": ("distill",),
    "tfner/pretraining/": ("pretrain",),
    "tfner/pretraining/dataset/": ("pretrain-data",),
    "tfner/pretraining/dataset/records.py": ("pretrain",),
    "tfner/queries.py": ("train",),
    "tfner/reports/predictions.py": ("predict",),
    "tfner/samples/": ("demo",),
    "tfner/storage/output.py": ("train", "pretrain"),
    "tfner/tag_syntax.py": READING,
    "tfner/tasks/": ("train",),
    "tfner/tokenization/": (*TRAINING, *PREDICTING, "export"),
    "tfner/tokenization/training.py": ("vocab",),
    "tfner/training/": ("train", "pretrain"),
    "tfner_export/": ("export",),
}
"""The commands in which the messages of a folder or file are read. The longest name
counts; messages of `tfner/cli/NAME.py` are read in the command NAME."""
FOREIGN = {
    "tfner/cli/encoders.py": {"--local-dir"},  # of hf download
    "tfner/samples/__init__.py": {"--no-deps"},  # of pip
    "tfner/storage/hub.py": {"--local-dir"},
    "tfner/tokenization/japanese_directories.py": {"--dicdir", "--userdic", "--rcfile"},
    "tfner/tokenization/vocabularies.py": {"--model"},  # --model_type of spm_train
    # Of tensorflow_model_server, up to the first underscore, and of docker compose.
    "tfner_export/server_files/batching.py": {"--enable", "--batching"},
    "tfner_export/server_files/export_dir.py": {"--monitoring", "--env-file"},
    "tfner_export/server_files/models_config.py": {"--allow", "--model"},
}
"""Options of other programs."""


def commands(group: object, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command with its options."""
    for word, command in getattr(group, "commands", {}).items():
        yield from commands(command, f"{name} {word}".strip())
    if name and not hasattr(group, "commands"):
        found = getattr(group, "params", [])
        yield name, {option for p in found for option in (*p.opts, *p.secondary_opts)}


OPTIONS = dict(commands(typer.main.get_command(app)))
EVERYWHERE = {"--version", "--quiet", "--traceback"}


def messages(path: Path) -> Iterator[str]:
    """The strings of a module but for docstrings and names of declared options."""
    tree = ast.parse(path.read_text("utf-8"))
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            told.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            told.update(map(id, node.values))
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}"
                for part in node.values
            )
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and " " in value and id(node) not in told:
            yield value


def readers(name: str) -> tuple[str, ...]:
    """The commands in which the messages of a file are read."""
    found = max((p for p in READ_IN if name.startswith(p)), key=len, default=None)
    if found is not None:
        return READ_IN[found]
    word = name.rpartition("/")[2].removesuffix(".py").replace("_", "-")
    return tuple(c for c in OPTIONS if word in (c, c.partition(" ")[0]))


def faults(name: str, text: str) -> Iterator[str]:
    """Options that a message names and its readers do not have."""
    at: tuple[str, ...] | None = None
    for match in re.finditer(f"{COMMAND.pattern}|{OPTION.pattern}", text):
        command = match[1] or match[2]
        if command in OPTIONS:
            at = (command,)
        elif match[0].startswith("--") and match[0] not in EVERYWHERE:
            where = at or readers(name)
            has = [match[0] in OPTIONS[command] for command in where]
            fine = any(has) if name.startswith("tfner/cli/") else has and all(has)
            if not fine and match[0] not in FOREIGN.get(name, ()):
                lacking = [c for c, h in zip(where, has, strict=True) if not h]
                yield f"{name}: {match[0]} is not in {lacking}: {text[:90]!r}"


def test_every_option_that_a_message_names_exists_where_it_is_read() -> None:
    found = [
        fault
        for package in PACKAGES
        for path in sorted(package.rglob("*.py"))
        for text in messages(path)
        for fault in faults(path.relative_to(package.parent).as_posix(), text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("tfner/corpus/joining.py", "name --from or --join", 0),
        ("tfner/corpus/joining.py", "name --epochs", 1),
        ("tfner/corpus/joining.py", "`tfner train --epochs 3` does", 0),
        ("tfner/corpus/joining.py", "`corpus convert --split-words` does", 0),
        ("tfner/corpus/joining.py", "`corpus stats --split-words` does", 1),
        ("tfner/cli/predict.py", "give --epochs", 1),
    ],
)
def test_it_would_be_found(name: str, text: str, wrong: int) -> None:
    assert len(list(faults(name, text))) == wrong
