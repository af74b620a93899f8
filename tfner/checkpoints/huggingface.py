"""Encoders and token classifiers in Hugging Face directories: read and written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from tfner.checkpoints.families import Family, family_named, family_of
from tfner.checkpoints.misfits import SEQUENCES, tell_left_out
from tfner.checkpoints.slots import (
    Fill,
    Slot,
    Suffixes,
    encoder_slots,
    matched,
    part_slots,
)
from tfner.checkpoints.stored_encoder import StoredEncoder
from tfner.checkpoints.tagger_labels import label_config, read_tagger_labels
from tfner.checkpoints.tensors import (
    CONFIG,
    INDEX,
    KERAS_WEIGHTS,
    SINGLE,
    TF_H5,
    TF_INDEX,
    TORCH,
    TORCH_INDEX,
    WEIGHT_FILES,
    Tensors,
    open_tensors,
    read_config,
    refuse_adapter,
    save_tensors,
)
from tfner.errors import CheckpointError
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.models.keras_internals import shapes_first
from tfner.schemes import LabelSet
from tfner.storage.atomic import whole_files, write_json
from tfner.storage.hub import fetch_model, is_hub_id

SUFFIXES = Suffixes(
    table=".weight",
    scale=".weight",
    shift=".bias",
    kernel=".weight",
    bias=".bias",
    transposed=True,
)
TAGGER = "ForTokenClassification"
FETCHED = (
    (SINGLE, INDEX, "model-*.safetensors"),
    (TORCH, TORCH_INDEX, "pytorch_model-*.bin"),
    (TF_H5, TF_INDEX, "tf_model-*.h5"),
    KERAS_WEIGHTS,
)
"""Files of weights on the hub, of which the first kind that is there is fetched."""


def open_huggingface_encoder(
    directory_or_id: str | Path,
    *,
    hidden_dropout: float | None = None,
    attention_dropout: float | None = None,
) -> StoredEncoder:
    """The encoder of a Hugging Face directory or hub id, its weights not yet read.

    Args:
        directory_or_id: holds `config.json` and weights; read in place.
        hidden_dropout: instead of the rate in `config.json`.
        attention_dropout: instead of the rate in `config.json`.

    Raises:
        CheckpointError: it is missing, damaged or of another kind.
    """
    directory = find_directory(directory_or_id)
    place = directory / CONFIG
    refuse_adapter(directory)
    config = read_config(place)
    family = family_named(config.get("model_type"), place=place)
    settings = family.read_settings(
        config,
        place=place,
        hidden_dropout=hidden_dropout,
        attention_dropout=attention_dropout,
    )
    tensors = open_tensors(directory)

    def match(encoder: keras.Model) -> Fill:
        slots = encoder_slots(encoder, family.tensors, SUFFIXES)
        names = _canonical_names(tensors, family, place=directory)
        heads = _heads(names, family)
        kept = {n: names[n] for n in names if n not in heads}
        fill = matched(slots, tensors, kept, skips=family.skips, place=directory)
        tell_left_out([*heads.values()], tagger=False, place=directory)

        def fill_both() -> None:
            fill()
            _keep_head(encoder, tensors, names, family)

        return fill_both

    return StoredEncoder(family, settings, place, match)


def load_token_classifier(
    directory_or_id: str | Path, *, labels: LabelSet | list[str] | None = None
) -> tuple[TokenClassifier, LabelSet | list[str]]:
    """A `*ForTokenClassification` model, encoder, head and labels.

    Args:
        directory_or_id: holds `config.json` and weights; read in place.
        labels: of its outputs, in place of those in the config.

    Returns:
        The model and its labels: a label set where the scheme is known, else the names
        of its outputs in the order of their ids.

    Raises:
        CheckpointError: it is missing, of another kind, or does not fit exactly.
    """
    directory = find_directory(directory_or_id)
    place = directory / CONFIG
    refuse_adapter(directory)
    config = read_config(place)
    family = family_named(config.get("model_type"), place=place)
    for name in config.get("architectures") or ():
        if not str(name).endswith(TAGGER):
            raise CheckpointError(
                f"{place}: the model must be a *{TAGGER}. Received: {name}. Train "
                "one from this encoder with `tfner train --encoder`."
            )
    settings = family.read_settings(config, place=place)
    tensors = open_tensors(directory)
    outputs = _outputs(tensors, family, place=directory)
    if labels is None:
        labels = read_tagger_labels(config, outputs=outputs, place=place)
    dropout = config.get(family.head_dropout)
    if dropout is None:
        dropout = settings.get("hidden_dropout", 0.0)
    names = _canonical_names(tensors, family, place=directory)
    kept = {n: names[n] for n in names if not n.startswith(SEQUENCES)}
    with shapes_first():
        encoder = family.new_encoder(settings, place=place)
        model = TokenClassifier(encoder, outputs, dropout=dropout)
        model.build()
        slots = encoder_slots(encoder, family.tensors, SUFFIXES)
        slots += part_slots(model, family.head, SUFFIXES)
        fill = matched(slots, tensors, kept, skips=family.skips, place=directory)
    left_out = [names[n] for n in names if n not in kept]
    tell_left_out(left_out, tagger=True, place=directory)
    fill()
    return model, labels


def _outputs(tensors: Tensors, family: Family, *, place: Path) -> int:
    """The number of outputs of a tagger's last layer.

    Raises:
        CheckpointError: there is no such layer.
    """
    names = _canonical_names(tensors, family, place=place)
    (module,) = family.head["classifier"]
    bias = names.get(f"{module}{SUFFIXES.bias}")
    if bias is None:
        raise CheckpointError(
            f"{place}: the weights have no {module}, the last layer of a {TAGGER[3:]} "
            "model. Train a tagger from this encoder with `tfner train --encoder`."
        )
    return tensors.shape(bias)[0]


def save_encoder(encoder: keras.Model, directory: str | Path) -> None:
    """Write an encoder as transformers' `AutoModel` reads it.

    BERT's pooler, which no tagger uses, is not there; transformers makes a new one.

    Args:
        encoder: an `EncoderModel`.
        directory: made if it is not there; files of the same names are replaced.

    Raises:
        CheckpointError: the format cannot express the encoder, or a file cannot be
            written.
    """
    family = family_of(encoder)
    config = family.write_settings(encoder)
    config["architectures"] = [f"{family.architecture}Model"]
    slots = encoder_slots(encoder, family.tensors, SUFFIXES)
    write_model(config, slots, family=family, directory=Path(directory))


def save_token_classifier(
    model: TokenClassifier,
    labels: LabelSet | Sequence[str],
    directory: str | Path,
    *,
    pad_id: int | None = None,
) -> None:
    """Write a model as transformers' `AutoModelForTokenClassification` reads it.

    The tokenizer is not written: `Tokenizer.save` does that.

    Args:
        model: its encoder must be an `EncoderModel`.
        labels: tags in the order of their ids; the scheme of a label set travels along.
        directory: made if it is not there; files of the same names are replaced.
        pad_id: of the tokenizer, which the family does not always tell.

    Raises:
        CheckpointError: the format cannot express the model, or a file cannot be
            written.
    """
    entries = label_config(labels)
    number = len(entries["id2label"])
    if number != model.num_tags:
        raise CheckpointError(
            f"the model has {model.num_tags} tags. Received: {number} tags."
        )
    family = family_of(model.encoder)
    config = family.write_settings(model.encoder) | {
        "architectures": [family.architecture + TAGGER],
        family.head_dropout: model.dropout_rate,
        **entries,
    }
    if pad_id is not None and not family.offset:  # else it tells where positions begin
        config["pad_token_id"] = pad_id
    write_model(
        config,
        encoder_slots(model.encoder, family.tensors, SUFFIXES),
        part_slots(model, family.head, SUFFIXES),
        family=family,
        directory=Path(directory),
    )


def _heads(names: Mapping[str, str], family: Family) -> dict[str, str]:
    """Those of the names that belong to a head that the family does not know.

    They stand beside the encoder: neither in one of its parts nor below its prefix.
    """
    modules = [module for found in family.tensors.values() for module in found]
    inside = tuple({module.partition(".")[0] + "." for module in modules})
    return {
        short: name
        for short, name in names.items()
        if not (short.startswith(inside) or family.skips(short))
        and family.prefix not in name
    }


def _keep_head(
    encoder: Any, tensors: Tensors, names: Mapping[str, str], family: Family
) -> None:
    """Keep what a file holds of the layer with which taggers of the family begin."""
    if not hasattr(encoder, "new_head") or (head := encoder.new_head()) is None:
        return
    head.build()
    modules = {
        path.removeprefix("head."): sources
        for path, sources in family.head.items()
        if path.startswith("head.")
    }
    slots = part_slots(head, modules, SUFFIXES)
    if all(
        source in names and tensors.shape(names[source]) == slot.source_shape
        for slot in slots
        for source in slot.sources
    ):
        for slot in slots:
            slot.fill([tensors.read(names[source]) for source in slot.sources])
        encoder.head_values = head.get_weights()


def _canonical_names(
    tensors: Tensors, family: Family, *, place: Path
) -> dict[str, str]:
    """Names of tensors as transformers writes them, without prefix -> their own."""
    names: dict[str, str] = {}
    for name in tensors.names:
        short = name.removeprefix("module.").removeprefix("model.")
        for prefix in (family.prefix, *family.other_prefixes):
            short = short.removeprefix(prefix)
        short = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", short)
        short = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", short)
        if short in names:
            raise CheckpointError(
                f"{place}: tensors {names[short]} and {name} are one and the same."
            )
        names[short] = name
    return names


def write_model(
    config: Mapping[str, Any],
    encoder: Iterable[Slot],
    head: Iterable[Slot] = (),
    *,
    family: Family,
    directory: Path,
) -> None:
    """Write `config.json` and `model.safetensors`.

    Args:
        config: what the former holds.
        encoder: weights whose names get the family's prefix.
        head: weights beside the encoder.
        family: of the encoder.
        directory: made if it is not there.

    Raises:
        StorageError: a file cannot be written.
    """
    arrays = {
        family.prefix + name: array for slot in encoder for name, array in slot.split()
    }
    arrays |= {name: array for slot in head for name, array in slot.split()}
    with whole_files(directory) as stage:
        save_tensors(arrays, stage / SINGLE)
        write_json(stage / CONFIG, {**config, "dtype": "float32"})


def find_directory(directory_or_id: str | Path) -> Path:
    """The directory itself, or the hub's files in the local cache.

    Raises:
        CheckpointError: there is no such directory.
        StorageError: the hub does not give it.
    """
    directory = Path(directory_or_id).expanduser()
    if directory.is_dir():
        return directory
    if not is_hub_id(directory_or_id):
        raise CheckpointError(f"{directory_or_id}: there is no such directory.")
    for patterns in FETCHED:
        cached = fetch_model(str(directory_or_id), [CONFIG, *patterns])
        if any((cached / name).exists() for name in WEIGHT_FILES):
            break
    return cached
