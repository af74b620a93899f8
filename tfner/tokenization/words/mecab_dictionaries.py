"""MeCab's dictionaries, and user dictionaries that are compiled for them."""

from __future__ import annotations

import csv
import importlib
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tfner.errors import StorageError, TokenizerError, joined, shorten, unknown
from tfner.storage.foreign_files import check_files, read_bytes

# Packages of dictionaries, and how each is installed.
PACKAGES = {
    "ipadic": "pip install ipadic",
    "unidic_lite": "pip install 'tfner[unidic]'",
    "unidic": "pip install unidic && python -m unidic download",
}
LARGEST_DICTIONARY = 1 << 31
"""Bytes of a file of a dictionary, which MeCab maps into memory and does not read
whole; the largest of UniDic has about 500 million."""
LARGEST_USER = 1 << 28
"""Bytes of a compiled user dictionary, which is held in memory."""
LARGEST_ENTRIES = 1 << 26
"""Bytes of a user dictionary as a CSV file: a million entries."""
COMPILED = ("sys.dic", "unk.dic", "matrix.bin", "char.bin", "dicrc")
COMPILE = "import shlex, sys, fugashi; fugashi.build_dictionary(shlex.join(sys.argv))"
# MeCab prints the place in its own sources before its reason.
SOURCE_PLACE = re.compile(r"^(?:\w+\.(?:cpp|h)\(\d+\) (?:\[.*?\] )?)+")


def find_dictionary(dictionary: str | Path) -> Path:
    """Find the directory of a dictionary.

    Args:
        dictionary: `ipadic`, `unidic_lite`, `unidic`, or a directory.

    Raises:
        TokenizerError: it is not installed, not there, or not compiled.
        StorageError: a file is too large, or what Git LFS leaves in place of one.
    """
    if str(dictionary) in PACKAGES:
        return _package_folder(str(dictionary))
    folder = Path(dictionary).expanduser().resolve()
    if not folder.is_dir():
        known = unknown("MeCab dictionary", str(dictionary), PACKAGES)
        raise TokenizerError(f"{known} Nor is there such a directory.")
    missing = [name for name in COMPILED if not (folder / name).is_file()]
    if missing:
        raise TokenizerError(
            f"{folder}: no compiled MeCab dictionary, for it lacks "
            f"{', '.join(missing)}; compile it with mecab-dict-index -f utf-8 -t utf-8"
        )
    check_files(*(folder / name for name in COMPILED), largest=LARGEST_DICTIONARY)
    return folder


def _package_folder(name: str) -> Path:
    try:
        folder = Path(importlib.import_module(name).DICDIR)
    except ImportError as error:
        raise TokenizerError(
            f"MeCab's dictionary {name} is not installed: {PACKAGES[name]}. "
            f"Received: {error}"
        ) from error
    if not (folder / "sys.dic").is_file():
        raise TokenizerError(
            f"the package {name} is installed, but its dictionary is not at {folder}: "
            f"{PACKAGES[name]}"
        )
    return folder


def read_user_dictionary(path: Path, system: Path, *, normalizes: bool) -> bytes:
    """Read a compiled user dictionary, or compile a CSV file.

    Args:
        path: `*.csv`, a line an entry: surface, left id, right id, cost, features; any
            other name is taken for a compiled dictionary.
        system: directory of the dictionary that it goes with.
        normalizes: MeCab is given text in NFKC; the surfaces of a CSV file are then
            brought into it too, for others would never be met.

    Raises:
        TokenizerError: the file cannot be read or compiled, or is too large.
    """
    is_compiled = path.suffix.lower() != ".csv"
    largest = LARGEST_USER if is_compiled else LARGEST_ENTRIES
    try:
        content = read_bytes(path, largest=largest)
        if is_compiled:
            return content
        lines = content.decode("utf-8-sig").splitlines()
    except StorageError as error:
        raise TokenizerError(f"{path}: the user dictionary {error.message}") from error
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path}: no UTF-8 ({error})") from error
    return _compile(_entries(path, lines, normalizes=normalizes), path, system)


def _entries(path: Path, lines: Iterable[str], *, normalizes: bool) -> list[list[str]]:
    entries: list[list[str]] = []
    problems: list[str] = []
    rows = csv.reader(lines)
    for row in rows:
        numbers = [cell.strip().lstrip("-") for cell in row[1:4]]
        if not row:
            continue
        if len(row) < 5 or not row[0] or not all(n.isdecimal() for n in numbers):
            problems.append(
                f"{path}:{rows.line_num}: an entry is surface,left id,right id,cost,"
                f"features with numbers for both ids and the cost. Received: "
                f"{shorten(','.join(row))}"
            )
            continue
        surface = unicodedata.normalize("NFKC", row[0]) if normalizes else row[0]
        entries.append([surface, *row[1:]])
    if not entries and not problems:
        problems.append(f"{path}: the user dictionary is empty")
    if problems:
        raise TokenizerError(joined(problems, what="problems of the user dictionary"))
    return entries


def _compile(entries: list[list[str]], path: Path, system: Path) -> bytes:
    """Run MeCab's compiler in a process of its own: it exits where it fails."""
    with TemporaryDirectory(prefix="tfner-") as folder:
        source, target = Path(folder) / "user.csv", Path(folder) / "user.dic"
        with source.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(entries)
        arguments = ["-d", system, "-u", target, "-f", "utf8", "-t", "utf8", source]
        done = subprocess.run(  # noqa: S603 (a text of ours, with paths of ours)
            [sys.executable, "-c", COMPILE, *map(str, arguments)],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0 and target.is_file():
            return target.read_bytes()
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
    raise TokenizerError(
        f"{path}: MeCab cannot compile the user dictionary for {system}: "
        f"{SOURCE_PLACE.sub('', lines[-1])}"
    )


def reason_of(error: Exception) -> str:
    """Extract MeCab's own reason from fugashi's long message."""
    lines = [line.strip(" -") for line in str(error).splitlines()]
    said = [line for line in lines if line]
    return SOURCE_PLACE.sub("", said[-1]) if said else type(error).__name__
