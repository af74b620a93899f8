"""Encoders by the name that `--encoder` gives: of checkpoints and trained models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfner.errors import BundleError
from tfner.inference.bundle import NO_MODEL
from tfner.inference.bundle_files import reading
from tfner.inference.encoder_config import own_class
from tfner.inference.loading import exported_directory, open_bundle
from tfner.inference.native_bundle import CONFIG, MODEL, NativeBundle
from tfner.tokenization.files import TOKENIZER_FOLDER

if TYPE_CHECKING:
    import keras

FOREIGN = (
    "{} is a model with an encoder of your own classes. Give that to "
    "`tfner.train(encoder=)`."
)


class EncoderSource(NamedTuple):
    """Makes the encoders of a run, and tells their sizes beforehand.

    Args:
        make: makes a new one.
        sizes: `family`, `hidden_size` and `num_layers`, as far as they are known.
    """

    make: Callable[[], keras.Model]
    sizes: Mapping[str, Any]


def encoder_source(
    name: str | Path, *, digests: bool = True, **dropouts: float | None
) -> EncoderSource:
    """The encoder that `--encoder` names, its weights not yet read.

    Args:
        name: as for `tfner.checkpoints.loading.open_encoder`, or a model of tfner, of
            which the head is left out.
        digests: compare its files with the digests that were saved with them, if there
            are any.
        **dropouts: `hidden_dropout` and `attention_dropout` in place of its own.

    Raises:
        BundleError: the model is damaged, an export, or has an encoder that is none of
            tfner's.
        CheckpointError: a checkpoint is missing, damaged or of another kind.
        StorageError: its files have changed since they were saved, or are missing.
    """
    bundle = _model_at(name, digests=digests)
    if bundle is None:
        from tfner.checkpoints.loading import open_encoder

        stored = open_encoder(name, digests=digests, **dropouts)
        sizes = {"family": stored.family.name, **stored.settings}
        return EncoderSource(stored.load, sizes)
    place = bundle.directory / CONFIG
    with reading(place):
        record = bundle.config["model"]["encoder"]
        if own_class(record, place=place) is None:
            raise BundleError(FOREIGN.format(name))
    rates = {key: rate for key, rate in dropouts.items() if rate is not None}

    def make() -> keras.Model:
        from tfner.models.encoders.parts import renewed

        return renewed(bundle.load_model().encoder, **rates)

    return EncoderSource(make, record["config"])


def tokenizer_of(name: str | Path) -> str | Path:
    """The place of an encoder's tokenizer: in its model, or beside its weights."""
    from tfner.checkpoints.loading import directory_of

    bundle = _model_at(name, digests=False)
    return directory_of(name) if bundle is None else bundle.directory / TOKENIZER_FOLDER


def _model_at(name: str | Path, *, digests: bool) -> NativeBundle | None:
    """The model of tfner that a name stands for; None if it is none.

    Raises:
        BundleError: it is an export of one, or damaged.
    """
    from tfner.checkpoints.loading import directory_of

    directory = Path(directory_of(name))
    if not directory.is_dir():
        return None
    if MODEL.is_at(directory):
        bundle = open_bundle(directory, digests=digests)
        return bundle if isinstance(bundle, NativeBundle) else None
    if not (directory / CONFIG).exists() and exported_directory(directory):
        raise BundleError(NO_MODEL.format(name))
    return None
