"""The decision whether an existing output may be replaced or resumed."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tfner.errors import ConfigError
from tfner.storage import leftovers, remote
from tfner.storage.atomic import exists, is_stream, write_text, writing
from tfner.storage.encodings import SAMPLE, describe_binary
from tfner.storage.lines import STANDARD_STREAM, open_bytes
from tfner.storage.locks import held
from tfner.storage.publishing import Version, real_place, refuse_mount, version_of
from tfner.storage.remote import AnyPath, address

logger = logging.getLogger(__name__)

BINARY = (".gz", ".png", ".spacy")
"""Ends of the names of files that we write and that are no text."""
MOST_READ = 1 << 20
"""Bytes of a file that are looked through for the mark of its kind."""


class Kind(NamedTuple):
    """A kind of directories, those of one command, and the marks that tell them.

    Args:
        name: as messages call one.
        marks: names of files, or patterns, of which one is there, and what must stand
            in it; nothing need where that is empty.
        others: marks of a kind that shares one of these, and is not this kind.
    """

    name: str
    marks: Mapping[str, bytes]
    others: Mapping[str, bytes] = MappingProxyType({})

    def is_at(self, path: Path) -> bool:
        """Tell whether a local or remote directory is of this kind."""
        mine, foreign = (
            any(_holds(path, name, mark) for name, mark in marks.items())
            for marks in (self.marks, self.others)
        )
        return mine and not foreign


def _holds(directory: Path, name: str, mark: bytes) -> bool:
    if "*" in name:
        return not remote.is_remote(directory) and any(directory.glob(name))
    path = directory / name
    if not (mark and exists(path)):
        return exists(path)
    if not (remote.is_remote(path) or path.is_file()):
        return False  # a pipe, which nobody may ever write into
    with open_bytes(path) as file:
        return mark in file.read(MOST_READ)


def holds_something(path: AnyPath) -> bool:
    """Tell whether writing there would lose something.

    An empty directory does not; devices and pipes hold nothing.
    """
    if remote.is_remote(path):
        return remote.exists(path)
    path = Path(path)
    return any(path.iterdir()) if path.is_dir() else path.is_file()


@dataclass(frozen=True)
class OutputPolicy:
    """The place of an output, and what may be done with an existing one.

    Args:
        path: a local or remote file or directory; `.` and links become real names.
        overwrite: an existing one may be replaced.
        resume: unfinished work may be continued.

    Raises:
        StorageError: links that lead round in a ring.
    """

    path: Path
    overwrite: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        path = Path(self.path)
        is_real = path.name and not path.is_symlink()
        if not (is_real or remote.is_remote(path) or is_stream(path)):
            with writing(path):
                path = real_place(path)
        object.__setattr__(self, "path", path)

    def check(self, kind: Kind | None = None) -> Version | None:
        """Refuse to replace anything without `overwrite`, or anything of others.

        Args:
            kind: of the directory that is written; None for a file, and for a
                directory that others' files may stand in.

        Returns:
            What may be replaced when the output is whole: what is there now.

        Raises:
            ConfigError: something is there, or another run is writing there.
            StorageError: nothing can be written there.
        """
        self._settle()
        self._check_place()
        if holds_something(self.path):
            if not self.overwrite:
                raise ConfigError(
                    f"{address(self.path)} exists. Choose another place or add "
                    "--overwrite."
                )
            if kind is None:
                self._check_text()
            else:
                self._is_kind(kind)
        return version_of(self.path)

    def check_kind(self, kind: Kind) -> bool:
        """Refuse to replace, even with `overwrite`, what is of another kind.

        Args:
            kind: what may lie there.

        Returns:
            Whether there is one of this kind.

        Raises:
            ConfigError: there is something else, or another run is writing there.
        """
        self._settle()
        return holds_something(self.path) and self._is_kind(kind)

    def _is_kind(self, kind: Kind) -> bool:
        """Tell whether what is there is of a kind, and refuse what is of another."""
        if kind.is_at(self.path):
            return True
        if self._half_sent():
            return False
        raise ConfigError(
            f"{address(self.path)} exists and is no {kind.name}, so --overwrite would "
            "not replace it either. Choose another place."
        )

    def check_finished(self, kind: Kind) -> Version | None:
        """Refuse to replace a finished output without `overwrite`, others at all.

        A run that is resumed may replace what it was to replace when it began.

        Args:
            kind: as for `check_kind`.

        Returns:
            As `check` does.

        Raises:
            ConfigError: there is something.
            StorageError: nothing can take this place.
        """
        refuse_mount(self.path)
        allowed = self.overwrite or self._was_to_be_replaced()
        if self.check_kind(kind) and not allowed:
            raise ConfigError(
                f"{address(self.path)} holds a finished {kind.name}. Add --overwrite "
                "to replace it when the new one is done, or choose another --output."
            )
        return version_of(self.path)

    def check_unfinished(self, kind: str = "an unfinished run") -> None:
        """Refuse to touch unfinished work without `resume` or `overwrite`.

        Raises:
            ConfigError: there is some, or another run is at it.
        """
        if not exists(self.path):
            return
        if not remote.is_remote(self.path):
            with held(self.path) as mine:
                self._refuse_used(mine)
        if not (self.resume or self.overwrite):
            raise ConfigError(
                f"{address(self.path)} holds {kind}. Add --resume to go on with it, or "
                "--overwrite to start afresh."
            )

    @contextmanager
    def working_directory(self) -> Iterator[Path]:
        """Hold a local directory for work, empty unless the work is resumed.

        Raises:
            ConfigError: another run holds it.
            StorageError: it cannot be made.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with held(self.path) as mine:
            self._refuse_used(mine)
            if self.overwrite and not self.resume:
                self._empty()
            leftovers.remove_parts(self.path)
            yield self.path

    def _empty(self) -> None:
        before = list(self.path.iterdir())
        if before:
            logger.info("%s: what an earlier run had left is removed", self.path)
        for path in before:
            leftovers.remove(path)

    def _settle(self) -> None:
        """Put right what killed runs have left at the place."""
        if remote.is_remote(self.path):
            return
        leftovers.put_back(self.path)
        self._refuse_used(not leftovers.clear(self.path))

    def _check_place(self) -> None:
        """Refuse a place that cannot be written before the work, not after it.

        A directory that is there may be a mounted one in what nobody may write into.
        """
        if remote.is_remote(self.path):
            return
        with writing(self.path):
            if is_stream(self.path):
                return
            there = self.path
            if not there.is_dir():
                there = next(folder for folder in there.parents if folder.exists())
            with tempfile.TemporaryFile(dir=there):
                pass

    def _refuse_used(self, is_free: bool | None) -> None:
        if is_free is False:
            raise ConfigError(
                f"{address(self.path)} is in use: another run is writing there. Wait "
                "until it has ended, or choose another place."
            )

    def _check_text(self) -> None:
        """Refuse to replace a file that is none of ours: a picture, a program."""
        if self.path.name.endswith(BINARY) or not self.path.is_file():
            return
        with self.path.open("rb") as file:
            head = file.read(SAMPLE)
        if b"\0" in head or describe_binary(head):
            raise ConfigError(
                f"{self.path} exists and is {describe_binary(head) or 'no text'}, so "
                "--overwrite would not replace it either. Choose another place."
            )

    def beside(self, suffix: str) -> OutputPolicy:
        """Return the same policy for a place beside the output, of a longer name."""
        return replace(self, path=self.path.with_name(self.path.name + suffix))

    def note_in(self, workplace: Path) -> None:
        """Note in the directory of a run what it is to replace, for when it is resumed.

        Raises:
            StorageError: it cannot be written.
        """
        if self.overwrite and holds_something(self.path):
            write_text(workplace / REPLACES, repr(version_of(self.path)))

    def _was_to_be_replaced(self) -> bool:
        """Tell whether the run that is resumed began with `overwrite`."""
        note = self.beside(WORKPLACE).path / REPLACES
        if not self.resume or remote.is_remote(note) or not note.is_file():
            return False
        return note.read_text("utf-8") == repr(version_of(self.path))

    def _half_sent(self) -> bool:
        """Tell whether a run stopped while it sent its output: it can be resumed."""
        again = self.resume or self.overwrite
        is_remote = remote.is_remote(self.path)
        return is_remote and again and remote.exists(self.beside(WORKPLACE).path)


REPLACES = "replaces"
"""In the directory of a run: the version of the output that it may replace."""
WORKPLACE = ".training"
"""Suffix of the directory of a run until its output is whole."""


def check_file(path: AnyPath, overwrite: bool) -> Version | None:
    """Refuse to replace a file without `overwrite`; see `OutputPolicy.check`.

    Args:
        path: of the file; "-" is standard output, where nothing is replaced.
        overwrite: it may be replaced.
    """
    if os.fspath(path) == STANDARD_STREAM:
        return None
    return OutputPolicy(Path(path), overwrite).check()
