"""The encoder of any kind of checkpoint, by the name that `--encoder` gives it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfner.checkpoints.tensors import WEIGHT_FILES
from tfner.checkpoints.tf_checkpoint import holds_checkpoint
from tfner.recommended import resolve
from tfner.storage.digests import check_digests
from tfner.storage.foreign_files import check_directory
from tfner.storage.hub import local_model

if TYPE_CHECKING:
    import keras

    from tfner.checkpoints.stored_encoder import StoredEncoder

GENERATOR = "#generator"
"""After the path of a pretrained ELECTRA: its generator, not its discriminator."""


def open_encoder(
    name: str | Path,
    *,
    digests: bool = True,
    hidden_dropout: float | None = None,
    attention_dropout: float | None = None,
) -> StoredEncoder:
    """The encoder that `--encoder` names, its weights not yet read.

    Args:
        name: Hugging Face directory or hub id; short name of a recommended encoder;
            directory of a KerasHub preset, or `keras_hub:` and its name; directory of
            a google-research BERT or ELECTRA checkpoint, or a prefix in
            it such as `DIR/model.ckpt-1001000`, with `#generator` at the end for
            ELECTRA's generator.
        digests: compare its files with the digests that were saved with them, if there
            are any.
        hidden_dropout: instead of the rate in its config.
        attention_dropout: instead of the rate in its config.

    Raises:
        CheckpointError: it is missing, damaged or of another kind.
        StorageError: its files have changed since they were saved, or are missing.
    """
    name = _local(resolve(name, announced=True))
    path, generator = _split(name)
    if generator or is_google(path):
        from tfner.checkpoints.google import open_google_encoder

        check_directory(path)
        if digests:
            check_digests(path)
        return open_google_encoder(
            path,
            part="generator" if generator else "discriminator",
            hidden_dropout=hidden_dropout,
            attention_dropout=attention_dropout,
        )
    from tfner.checkpoints import huggingface, keras_hub

    directory = huggingface.find_directory(name)
    check_directory(directory)
    if digests:
        check_digests(directory)
    preset = keras_hub.is_preset(directory)
    read = keras_hub.open_preset if preset else huggingface.open_huggingface_encoder
    return read(
        directory, hidden_dropout=hidden_dropout, attention_dropout=attention_dropout
    )


def load_encoder(name: str | Path, **settings: Any) -> keras.Model:
    """The encoder that `--encoder` names.

    Args:
        name: as for `open_encoder`.
        **settings: as for `open_encoder`.

    Raises:
        CheckpointError: it is missing, of another kind, or does not fit exactly.
    """
    return open_encoder(name, **settings).load()


def lasting_name(name: str | Path) -> str:
    """The name of an encoder as it is found from any working directory."""
    path, generator = _split(name)
    if path.exists() or Path(f"{path}.index").exists():
        return f"{path.absolute()}{GENERATOR if generator else ''}"
    return str(name)


def directory_of(name: str | Path) -> str | Path:
    """The directory of a checkpoint, where its tokenizer lies, too; or another name."""
    name = _local(resolve(name))
    path, generator = _split(name)
    if path.is_dir():
        return path
    return path.parent if generator or is_google(path) else name


@cache
def _local(name: str | Path) -> str | Path:
    """Fetched once: every trial makes its encoder anew."""
    path = str(name).removesuffix(GENERATOR)
    copy = local_model(path)
    return name if copy is path else f"{copy}{str(name)[len(path) :]}"


def _split(name: str | Path) -> tuple[Path, bool]:
    path = str(name).removesuffix(GENERATOR)
    return Path(path).expanduser(), path != str(name)


def is_google(path: Path) -> bool:
    """Tell whether there is a TensorFlow 1 checkpoint, and none of Hugging Face."""
    foreign = any((path / name).is_file() for name in WEIGHT_FILES)
    return holds_checkpoint(path) and not foreign
