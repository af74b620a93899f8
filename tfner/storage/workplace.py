"""The directory `OUTPUT.training`, where a run works until its output is whole.

That of a remote output is remote, too: the run works on a local copy and sends each
checkpoint there, so that another machine can resume it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tfner.storage import remote
from tfner.storage.output import REPLACES, WORKPLACE, OutputPolicy


class Workplace(NamedTuple):
    """A local directory, and the remote one that it is a copy of, if any."""

    directory: Path
    remote: Path | None = None


@contextmanager
def workplace(output: OutputPolicy, *, writes: bool = True) -> Iterator[Workplace]:
    """Make the workplace of a run, which stays only if a failed run can be resumed.

    Args:
        output: the workplace lies beside it.
        writes: False where another process makes and removes the workplace.

    Raises:
        ConfigError: there is an unfinished run, and no word on it; or another run is
            at work there.
        StorageError: it cannot be made.
    """
    policy = output.beside(WORKPLACE)
    if writes:
        policy.check_unfinished()
    if remote.is_remote(output.path):
        with _mirrored(policy, writes=writes) as place:
            yield place
    elif writes:
        with policy.working_directory() as directory, _kept_if_used(directory):
            output.note_in(directory)
            yield Workplace(directory)
    else:
        yield Workplace(policy.path)


@contextmanager
def _kept_if_used(directory: Path) -> Iterator[None]:
    used = False
    try:
        yield
    except BaseException:
        files = (path for path in directory.rglob("*") if path.is_file())
        used = any(path.name != REPLACES for path in files)
        raise
    finally:
        if not used:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _mirrored(policy: OutputPolicy, *, writes: bool) -> Iterator[Workplace]:
    if writes and policy.overwrite:
        remote.remove(policy.path)
    with tempfile.TemporaryDirectory(prefix="tfner-") as folder:
        directory = Path(folder) / policy.path.name
        directory.mkdir()
        if policy.resume and remote.exists(policy.path):
            remote.fetch(policy.path, directory)
        yield Workplace(directory, policy.path)
    if writes:
        remote.remove(policy.path)


class Mirror:
    """A remote copy of some files of a directory, for resuming on another machine.

    Args:
        local: the directory.
        remote: where its copy is.
        names: of the files, or patterns; the one that speaks of the others last.
    """

    def __init__(self, local: Path, remote: Path, names: tuple[str, ...]) -> None:
        self.local, self.remote, self.names = local, remote, names
        self._sent: dict[str, int] = {}

    def send(self) -> None:
        """Copy the files that have changed.

        Raises:
            StorageError: it cannot be written.
        """
        for file in (f for name in self.names for f in self.local.glob(name)):
            changed = file.stat().st_mtime_ns
            if changed != self._sent.get(file.name):
                remote.put(file, self.remote / file.name)
                self._sent[file.name] = changed
