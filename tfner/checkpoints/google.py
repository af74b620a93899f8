"""Encoders and taggers of google-research/electra and /bert: read and written.

A checkpoint has a `vocab.txt` and sometimes a config JSON beside it. All sizes but the
number of heads show in the shapes of its variables, so the JSON may be missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.google_names import (
    STEP,
    Part,
    Scope,
    find_scope,
    find_task,
    head_of,
    read_sizes,
)
from tfner.checkpoints.misfits import tell_left_out
from tfner.checkpoints.slots import Fill, Slot, matched
from tfner.checkpoints.stored_encoder import StoredEncoder
from tfner.checkpoints.tensors import CONFIG, read_config
from tfner.checkpoints.tf_checkpoint import (
    CheckpointTensors,
    find_prefix,
    write_checkpoint,
)
from tfner.errors import CheckpointError, joined
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.models.keras_internals import shapes_first
from tfner.storage.atomic import write_json
from tfner.tokenization.vocabularies import read_vocabulary

logger = logging.getLogger(__name__)

VOCABULARY = "vocab.txt"
CONFIGS = (CONFIG, "bert_config.json", "electra_config.json")
ACTIVATIONS = ("gelu", "relu", "tanh", "linear")
"""Those of model/modeling.py (get_activation) in google-research/electra and /bert."""
HEADS = "num_attention_heads"
HEAD_WIDTH = 64


def open_google_encoder(
    checkpoint: str | Path,
    *,
    part: Part = "discriminator",
    num_heads: int | None = None,
    hidden_dropout: float | None = None,
    attention_dropout: float | None = None,
) -> StoredEncoder:
    """The encoder of a BERT or ELECTRA checkpoint, its weights not yet read.

    Args:
        checkpoint: directory, of which the newest checkpoint is read, or the prefix
            of any other, such as `DIR/model.ckpt-1001000`.
        part: of a pretrained ELECTRA; a BERT has but one.
        num_heads: instead of the config's, or of width / 64 where there is none.
        hidden_dropout: instead of the config's, or 0.1.
        attention_dropout: instead of the config's, or 0.1.

    Raises:
        CheckpointError: it is missing, damaged or of another kind.
    """
    prefix = find_prefix(Path(checkpoint).expanduser())
    tensors = CheckpointTensors(prefix)
    return _open(
        tensors,
        find_scope(tensors, part, place=prefix),
        prefix,
        num_heads=num_heads,
        hidden_dropout=hidden_dropout,
        attention_dropout=attention_dropout,
    )


def load_google_encoder(checkpoint: str | Path, **settings: Any) -> keras.Model:
    """The encoder of a BERT or ELECTRA checkpoint, without its heads.

    Args:
        checkpoint: as for `open_google_encoder`.
        settings: as for `open_google_encoder`.

    Raises:
        CheckpointError: it is missing, damaged, of another kind, or does not fit
            exactly.
    """
    return open_google_encoder(checkpoint, **settings).load()


def load_google_tagger(
    checkpoint: str | Path, *, tags: Sequence[str], task_name: str | None = None
) -> TokenClassifier:
    """A tagger that google-research/electra has fine-tuned, encoder and head.

    It was trained with all segment ids 1, and had no dropout before its last layer.

    Args:
        checkpoint: directory, of which the newest checkpoint is read, or a prefix.
        tags: in the order of their ids; the checkpoint does not hold them.
        task_name: which of several tasks is read.

    Raises:
        CheckpointError: as for `load_google_encoder`, or no such task is there.
    """
    prefix = find_prefix(Path(checkpoint).expanduser())
    tensors = CheckpointTensors(prefix)
    task = find_task(tensors, task_name, place=prefix)
    scope = replace(find_scope(tensors, "discriminator", place=prefix), task=task)
    trained = tensors.shape(f"{head_of(task)}/kernel")[-1:]
    if trained and trained != (len(tags),):
        raise CheckpointError(
            f"{prefix}: the task {task} was trained on {trained[0]} tags. Received: "
            f"{len(tags)} tags. Give those of its own label mapping."
        )
    stored = _open(tensors, scope, prefix)
    with shapes_first():
        encoder = stored.family.new_encoder(stored.settings, place=stored.place)
        model = TokenClassifier(encoder, len(tags), dropout=0.0)
        model.build()
        fill = _matched(scope.tagger_slots(model), tensors, scope, place=prefix)
    fill()
    return model


def save_google_checkpoint(
    model: keras.Model, directory: str | Path, *, task_name: str = "chunk"
) -> None:
    """Write an encoder or tagger as google-research/electra and /bert read it.

    That is `checkpoint`, `model.ckpt.*` and `config.json`; `Tokenizer.save` writes
    `vocab.txt`. BERT's pooler, which taggers do not use, is not there.

    Args:
        model: an encoder of family electra or bert, or a `TokenClassifier` of one.
        directory: made if it is not there; files of the same names are replaced.
        task_name: of a tagger's task.

    Raises:
        CheckpointError: the format cannot express the model, or a file cannot be
            written.
    """
    tagger = model if isinstance(model, TokenClassifier) else None
    encoder = model if tagger is None else tagger.encoder
    family = getattr(encoder, "family", type(encoder).__name__)
    if family not in ("electra", "bert"):
        raise CheckpointError(
            "only an encoder of family electra or bert can be written for "
            f"google-research's code. Received: encoder={family}"
        )
    config = FAMILIES[family].write_settings(encoder)
    if config["hidden_act"] not in ACTIVATIONS:
        raise CheckpointError(
            f"google-research's code knows the activations {', '.join(ACTIVATIONS)}. "
            f"Received: an encoder with {config['hidden_act']}"
        )
    scope = Scope(family, family, task_name)
    if tagger is None:
        slots = scope.encoder_slots(encoder)
    else:
        slots = scope.tagger_slots(tagger)
    variables = {name: array for slot in slots for name, array in slot.split()}
    # An Estimator restores its step together with the weights.
    variables[STEP] = np.array(0, np.int64)
    write_checkpoint(Path(directory), variables)
    write_json(Path(directory) / CONFIG, config)


def _open(
    tensors: CheckpointTensors,
    scope: Scope,
    prefix: Path,
    *,
    num_heads: int | None = None,
    **dropouts: float | None,
) -> StoredEncoder:
    """The encoder of a checkpoint, its sizes read.

    Args:
        tensors: of the checkpoint.
        scope: of the encoder in it.
        prefix: of the checkpoint, beside which a config and a vocabulary may lie.
        num_heads: instead of the config's.
        **dropouts: instead of the config's, where they are not None.

    Raises:
        CheckpointError: the config or the vocabulary beside it does not fit.
    """
    sizes = read_sizes(tensors, scope, place=prefix)
    _check_vocabulary(prefix.parent / VOCABULARY, sizes["vocab_size"])
    paths = (prefix.parent / name for name in CONFIGS)
    place = next((path for path in paths if path.is_file()), prefix)
    config: dict[str, Any] = {} if place == prefix else read_config(place)
    problems = _contradictions(config, sizes)
    if problems and scope.root == "generator":
        config.pop(HEADS, None)  # it tells of the discriminator
    elif problems:
        raise CheckpointError(f"{place}: " + joined(problems, what="settings"))
    if num_heads is not None:
        config[HEADS] = num_heads
    if config.get(HEADS) is None:
        config[HEADS] = max(1, sizes["hidden_size"] // HEAD_WIDTH)
        shown = ", ".join(f"{key}={value}" for key, value in sizes.items())
        logger.info(
            "%s: its shapes tell %s; %s=%d is taken as width / %d, until a %s beside "
            "it tells",
            *(prefix, shown, HEADS, config[HEADS], HEAD_WIDTH, CONFIG),
        )
    family = FAMILIES[scope.family]
    settings = family.read_settings({**config, **sizes}, place=place, **dropouts)

    def match(encoder: keras.Model) -> Fill:
        return _matched(scope.encoder_slots(encoder), tensors, scope, place=prefix)

    return StoredEncoder(family, settings, place, match)


def _contradictions(config: Mapping[str, Any], sizes: Mapping[str, int]) -> list[str]:
    """The keys of a config that contradict the shapes."""
    return [
        f"{key}={config[key]!r}, but the checkpoint beside it has {size}"
        for key, size in sizes.items()
        if config.get(key) is not None and config[key] != size
    ]


def _check_vocabulary(path: Path, rows: int) -> None:
    """Refuse pieces without a row; tell of rows without a piece (a padded table).

    Raises:
        CheckpointError: some piece has none.
    """
    if not path.is_file():
        return
    pieces = len(read_vocabulary(path))
    if pieces > rows:
        raise CheckpointError(
            f"{path} has {pieces} pieces, but the checkpoint beside it knows {rows}. "
            "Give the vocabulary that belongs to the checkpoint."
        )
    if pieces < rows:
        logger.info(
            "%s has %d pieces; %d rows of the checkpoint's table stay unused",
            *(path, pieces, rows - pieces),
        )


def _matched(
    slots: Iterable[Slot], tensors: CheckpointTensors, scope: Scope, *, place: Path
) -> Fill:
    left_out = [name for name in tensors.names if scope.is_foreign(name)]
    names = {name: name for name in tensors.names if name not in left_out}
    fill = matched(slots, tensors, names, skips=scope.skips, place=place)
    tell_left_out(left_out, tagger=scope.task is not None, place=place)
    return fill
