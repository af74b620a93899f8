"""Runs whose output is remote: worked on here, every checkpoint copied there."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfner.config.train import TrainConfig
from tfner.errors import BundleError, ConfigError, TrainingError
from tfner.inference.bundle import CONFIG, SUMMARY
from tfner.storage.remote import address, exists, fetch, put, remove


class Mirror:
    """A remote copy of some files of a directory, for a run that goes on elsewhere.

    Args:
        local: the directory.
        remote: where its copy is.
        names: of the files, or patterns; the one that speaks of the others last.
    """

    def __init__(self, local: Path, remote: Path, names: tuple[str, ...]) -> None:
        self.local, self.remote, self.names = local, remote, names
        self._sent: dict[str, int] = {}

    def send(self) -> None:
        """Copy what has changed.

        Raises:
            TrainingError: it cannot be written.
        """
        for file in (f for name in self.names for f in self.local.glob(name)):
            changed = file.stat().st_mtime_ns
            if changed != self._sent.get(file.name):
                put(file, self.remote / file.name, TrainingError)
                self._sent[file.name] = changed


def check_output(config: TrainConfig, workplace: Path) -> Path:
    """Where the model goes, if it may.

    A model that was being sent when its run ended is replaced by a run that knows of
    its workplace.

    Raises:
        ConfigError: something is there that may not be replaced.
    """
    output, shown = Path(config.output), address(config.output)
    if not exists(output, ConfigError):
        return output
    finished = any(exists(output / name, ConfigError) for name in (CONFIG, SUMMARY))
    if finished and not config.overwrite:
        raise ConfigError(
            f"{shown} holds a finished model. Add --overwrite to replace it when the "
            "new one is done, or choose another --output."
        )
    again = config.resume or config.overwrite
    if not finished and not (again and exists(workplace, ConfigError)):
        raise ConfigError(
            f"{shown} exists and is no model, so --overwrite would not replace it "
            "either. Choose another --output."
        )
    return output


@contextlib.contextmanager
def mirrored(config: TrainConfig, workplace: Path, *, write: bool) -> Iterator[Path]:
    """A local workplace with what an earlier run has left in the remote one.

    Args:
        config: may resume or overwrite.
        workplace: the remote one; it stays if the run fails.
        write: False where another process writes and removes it.

    Raises:
        ConfigError: there is an unfinished run, and no word on it.
    """
    unfinished = exists(workplace, ConfigError)
    if write and unfinished and not (config.resume or config.overwrite):
        raise ConfigError(
            f"{address(workplace)} holds an unfinished run. Add --resume to go on with "
            "it, or --overwrite to start afresh."
        )
    if write and config.overwrite:
        remove(workplace, ConfigError)
    with tempfile.TemporaryDirectory(prefix="tfner-") as folder:
        local = Path(folder) / workplace.name
        local.mkdir()
        if unfinished and config.resume:
            fetch(workplace, local, ConfigError)
        yield local
    if write:
        remove(workplace, BundleError)
