"""Pretraining that goes on from an encoder there is, on other texts or another task."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tfner.config.pretrain import PretrainConfig
from tfner.errors import ConfigError, joined
from tfner.inference.encoders import encoder_source, tokenizer_of
from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.electra import Electra, MaskedLanguageModel
from tfner.pretraining.dataset.manifest import Manifest
from tfner.pretraining.model import new_encoder
from tfner.tokenization import load_tokenizer
from tfner.tokenization.specials import tokenizer_digest

SIZES = (
    *("embedding_size", "hidden_size", "num_layers", "num_heads"),
    *("intermediate_size", "max_positions", "activation"),
)
"""What settings decide of an encoder."""
FIXED = ("vocab_size", "type_vocab_size", "position_offset", "layer_norm_epsilon")
"""What they do not: it is as the vocabulary, BERT and ELECTRA have it."""


def read_start(config: PretrainConfig, manifest: Manifest) -> Encoder | None:
    """The encoder whose weights a run starts from, if there is to be one.

    Args:
        config: of the run.
        manifest: of its data.

    Raises:
        CheckpointError: there is no encoder, or it cannot be read.
        TokenizerError: its tokenizer cannot.
        ConfigError: its sizes or its tokenizer are not those of the run.
    """
    name = config.model.encoder
    if name is None:
        return None
    source: Encoder = encoder_source(name).make()
    target = new_encoder(config, manifest.special_ids.vocab_size)
    problems = _other_sizes(source, target)
    problems += _other_pieces(name, manifest)
    if problems:
        found = joined(problems, what="reasons")
        raise ConfigError(f"{name} cannot be where this run starts: {found}")
    return source


def start_from(source: Encoder, model: Electra | MaskedLanguageModel) -> list[Encoder]:
    """Give a new model the weights of an encoder; those of its heads stay new.

    Args:
        source: of the sizes of the encoder that is wanted.
        model: new. A generator of these sizes starts from the same weights.

    Returns:
        The encoders that start so.
    """
    targets = [model.encoder]
    if isinstance(model, Electra) and not _other_sizes(source, model.generator.encoder):
        targets.append(model.generator.encoder)
    for target in targets:
        target.set_weights(source.get_weights())
    return targets


def _other_sizes(source: Encoder, target: Encoder) -> list[str]:
    if type(source) is not type(target):
        kinds = (type(encoder).__name__ for encoder in (source, target))
        return ["its class is {}, that of the run {}".format(*kinds)]
    problems = []
    for name in (*SIZES, *FIXED):
        wanted, found = getattr(source, name), getattr(target, name)
        if wanted == found:
            continue
        todo = f"give --{name.replace('_', '-')} {wanted}"
        if name in FIXED:
            todo = "which no setting changes"
        elif name == "embedding_size" and target.family == "bert":
            todo = "which only --objective electra has"
        problems.append(
            f"`{name}` of the encoder is {wanted}, of the run {found}: {todo}"
        )
    return problems


def _other_pieces(name: str, manifest: Manifest) -> list[str]:
    tokenizer = load_tokenizer(tokenizer_of(name))
    with tempfile.TemporaryDirectory() as place:
        tokenizer.save(Path(place))
        if tokenizer_digest(Path(place)) == manifest.vocabulary_digest:
            return []
    return [
        f"the tokenizer of the encoder is not that of {manifest.directory}; make the "
        f"data again with tfner pretrain-data --tokenizer {name}"
    ]
