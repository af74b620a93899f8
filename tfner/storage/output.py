"""The decision whether an existing output may be replaced or resumed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tfner.errors import ConfigError
from tfner.storage import remote
from tfner.storage.atomic import exists, remove_parts
from tfner.storage.remote import AnyPath, address


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
    """

    path: Path
    overwrite: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        path = Path(self.path)
        if not remote.is_remote(path) and (path.is_symlink() or not path.name):
            path = path.resolve()
        object.__setattr__(self, "path", path)

    def check(self) -> None:
        """Refuse to replace anything without `overwrite`.

        Raises:
            ConfigError: there is something.
        """
        if holds_something(self.path) and not self.overwrite:
            raise ConfigError(
                f"{address(self.path)} exists. Choose another place or add --overwrite."
            )

    def check_kind(self, kind: str, markers: Sequence[str]) -> bool:
        """Refuse to replace, even with `overwrite`, what is of another kind.

        Args:
            kind: what may lie there, as messages name it.
            markers: names of files; one of this kind holds any of them.

        Returns:
            Whether there is one of this kind.

        Raises:
            ConfigError: there is something else.
        """
        if not holds_something(self.path):
            return False
        if any(exists(self.path / name) for name in markers):
            return True
        if self._half_sent():
            return False
        raise ConfigError(
            f"{address(self.path)} exists and is no {kind}, so --overwrite would not "
            "replace it either. Choose another --output."
        )

    def check_finished(self, kind: str, markers: Sequence[str]) -> None:
        """Refuse to replace a finished output without `overwrite`, others at all.

        Args:
            kind: as for `check_kind`.
            markers: as for `check_kind`.

        Raises:
            ConfigError: there is something.
        """
        if self.check_kind(kind, markers) and not self.overwrite:
            raise ConfigError(
                f"{address(self.path)} holds a finished {kind}. Add --overwrite to "
                "replace it when the new one is done, or choose another --output."
            )

    def check_unfinished(self, kind: str = "an unfinished run") -> None:
        """Refuse to touch unfinished work without `resume` or `overwrite`.

        Raises:
            ConfigError: there is some.
        """
        if not (self.resume or self.overwrite) and exists(self.path):
            raise ConfigError(
                f"{address(self.path)} holds {kind}. Add --resume to go on with it, or "
                "--overwrite to start afresh."
            )

    def make_directory(self) -> Path:
        """Make a local directory for work, empty unless the work is resumed.

        Raises:
            OSError: it cannot be made.
        """
        if self.overwrite and not self.resume and self.path.exists():
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        remove_parts(self.path)
        return self.path

    def beside(self, suffix: str) -> OutputPolicy:
        """Return the same policy for a place beside the output, of a longer name."""
        return replace(self, path=self.path.with_name(self.path.name + suffix))

    def _half_sent(self) -> bool:
        """Tell whether a run stopped while it sent its output: it can be resumed."""
        again = self.resume or self.overwrite
        is_remote = remote.is_remote(self.path)
        return is_remote and again and remote.exists(self.beside(WORKPLACE).path)


WORKPLACE = ".training"
"""Suffix of the directory of a run until its output is whole."""
