"""The directory of a pretraining run, and that of one which it replaces."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tfner.config.pretrain import PretrainConfig
from tfner.pretraining.dataset.manifest import Manifest
from tfner.storage.atomic import writing
from tfner.storage.leftovers import new_part
from tfner.storage.output import Kind, OutputPolicy
from tfner.storage.publishing import publish, refuse_mount, version_of
from tfner.tokenization.files import TOKENIZER_FOLDER
from tfner.training.arrays import written
from tfner.training.log import RUN_FILE

logger = logging.getLogger(__name__)

PRETRAINING = Kind("pretraining run", {RUN_FILE: b"objective"})


class RunDirectory:
    """Directory of a run: the output, once it has something to put there.

    Args:
        path: has the tokenizer and the settings.
        replaces: the output, where an earlier run lies; None if `path` is the output.
    """

    def __init__(self, path: Path, replaces: Path | None = None) -> None:
        self.path, self.replaces = path, replaces
        self._version = None if replaces is None else version_of(replaces)

    def settle(self) -> bool:
        """Take the place of the earlier run, in one step.

        Returns:
            Whether there was one: `path` is another now.

        Raises:
            StorageError: something else has appeared there.
        """
        if self.replaces is None:
            return False
        publish(self.path, self.replaces, self._version)
        self.path, self.replaces = self.replaces, None
        return True


@contextmanager
def output_of(config: PretrainConfig, manifest: Manifest) -> Iterator[RunDirectory]:
    """Hold the directory of a run, with its tokenizer and, if new, its settings.

    Args:
        config: says where it is, and if an existing run may be replaced or resumed.
        manifest: of the data, which has the tokenizer.

    Raises:
        ConfigError: the directory holds something that may not be replaced, or another
            run is at work there.
        StorageError: it cannot be made.
    """
    saving = config.saving
    policy = OutputPolicy(Path(saving.output), saving.overwrite, saving.resume)
    used = policy.check_kind(PRETRAINING)
    if used:
        policy.check_unfinished("a pretraining run")
    anew = used and saving.overwrite and not saving.resume
    if anew:
        refuse_mount(policy.path)
    with _beside(policy.path) if anew else policy.working_directory() as path:
        with writing(path):
            tokenizer = path / TOKENIZER_FOLDER
            shutil.copytree(manifest.tokenizer_directory, tokenizer, dirs_exist_ok=True)
        if not used or saving.overwrite:
            write_settings(config, path)
        directory = RunDirectory(path, policy.path if anew else None)
        try:
            yield directory
        finally:
            if directory.replaces is not None:
                logger.info("%s: stays, for nothing was saved", directory.replaces)


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """A directory beside the output, gone at the end if it has not been moved."""
    with ExitStack() as stack:
        with writing(output):
            part = stack.enter_context(new_part(output, is_directory=True))
        yield part


def write_settings(config: PretrainConfig, output: Path) -> None:
    """Write the settings of a run, without those that overwrite or resume."""
    text = config.replace(overwrite=False, resume=False).to_toml()
    with written(output / RUN_FILE) as file:
        file.write(text.encode())
