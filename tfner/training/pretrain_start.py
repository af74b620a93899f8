"""Pretraining that goes on from an encoder there is, on other texts or another task."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tfner.checkpoints.loading import load_encoder, tokenizer_of
from tfner.data.pretraining import Manifest
from tfner.errors import ConfigError, joined
from tfner.models.electra import Electra, MaskedLanguageModel
from tfner.models.encoder import Encoder
from tfner.tokenization import load_tokenizer
from tfner.tokenization.specials import tokenizer_digest

SIZES = (
    *("embedding_size", "hidden_size", "num_layers", "num_heads"),
    *("intermediate_size", "max_positions"),
)
"""What settings decide of an encoder."""
FIXED = ("position_offset", "type_vocab_size", "activation", "layer_norm_epsilon")
"""What they do not: it is as in BERT and ELECTRA."""


def start_from(
    name: str, model: Electra | MaskedLanguageModel, manifest: Manifest
) -> list[Encoder]:
    """Give a new model the weights of an encoder; those of its heads stay new.

    Args:
        name: what `--encoder` may be.
        model: new. A generator of the same sizes as its discriminator starts from the
            same weights.
        manifest: of the data, whose tokenizer must be the encoder's.

    Returns:
        The encoders that start so.

    Raises:
        CheckpointError: there is no encoder, or it cannot be read.
        TokenizerError: its tokenizer cannot.
        ConfigError: its sizes or its tokenizer are not those of the run.
    """
    source = load_encoder(name)
    problems = [*_other_sizes(source, model.encoder), *_other_pieces(name, manifest)]
    if problems:
        found = joined(problems, what="reasons")
        raise ConfigError(f"{name} cannot be where this run starts: {found}")
    targets = [model.encoder]
    if isinstance(model, Electra):
        targets.append(model.generator.encoder)
    started = [target for target in targets if not _other_sizes(source, target)]
    for target in started:
        for weight, new in zip(target.weights, source.weights, strict=True):
            weight.assign(new)
    return started


def _other_sizes(source: Encoder, target: Encoder) -> list[str]:
    problems = []
    for name in (*SIZES, *FIXED):
        wanted, found = getattr(source, name), getattr(target, name)
        if wanted == found:
            continue
        flag = f"--{name.replace('_', '-')} {wanted}"
        todo = f"; give {flag}" if name in SIZES else ", which no setting changes"
        problems.append(
            f"`{name}` of the encoder is {wanted}, of the run {found}{todo}"
        )
    return problems


def _other_pieces(name: str, manifest: Manifest) -> list[str]:
    tokenizer: Any = load_tokenizer(tokenizer_of(name))
    with tempfile.TemporaryDirectory() as place:
        tokenizer.save(Path(place))
        if tokenizer_digest(Path(place)) == manifest.vocabulary_digest:
            return []
    return [
        f"the tokenizer of the encoder is not that of {manifest.directory}; make the "
        f"data again with tfner pretrain-data --tokenizer {name}"
    ]
