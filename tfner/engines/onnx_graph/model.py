"""The graph of a whole model: inputs, encoder, head, outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    TOKEN_TYPE_IDS,
    WORD_LENGTHS,
)
from tfner.engines.onnx_graph import bert, convbert, heads, relative, rotary
from tfner.engines.onnx_graph.bert import Inputs
from tfner.engines.onnx_graph.graph import Graph, Tensor
from tfner.errors import ConfigError
from tfner.models.encoders.albert import AlbertEncoder
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.convbert import ConvBertEncoder
from tfner.models.encoders.deberta import DebertaEncoder
from tfner.models.encoders.mpnet import MPNetEncoder
from tfner.models.encoders.rotary import RotaryEncoder

if TYPE_CHECKING:
    import keras
    import onnx

PROBS = "probs"


@dataclass(frozen=True, slots=True)
class Family:
    """One class of encoders.

    Args:
        names: of the families, for messages.
        encode: writes an encoder of the class.
    """

    names: str
    encode: Callable[[Any, Inputs], Tensor]


FAMILIES: dict[type, Family] = {
    Encoder: Family(
        "BERT, ELECTRA, DistilBERT, RoBERTa, XLM-R, CamemBERT, RemBERT", bert.encode
    ),
    AlbertEncoder: Family("ALBERT", bert.encode),
    MPNetEncoder: Family("MPNet", relative.encode_mpnet),
    DebertaEncoder: Family("DeBERTa", relative.encode_deberta),
    RotaryEncoder: Family("ModernBERT, EuroBERT, Nomic BERT", rotary.encode),
    ConvBertEncoder: Family("ConvBERT", convbert.encode),
}
"""Encoders that a graph can be made of, by their class, no class derived of it."""


def family_of(model: keras.Model) -> Family:
    """The way in which a model's encoder is written.

    Raises:
        ConfigError: there is no such way.
    """
    encoder = model.encoder
    if type(encoder) not in FAMILIES:
        known = ", ".join(family.names for family in FAMILIES.values())
        kind = getattr(encoder, "family", None) or type(encoder).__name__
        raise ConfigError(
            f"an ONNX graph can be made of encoders of these families: {known}. "
            f"Received: an encoder of {kind}."
        )
    return FAMILIES[type(encoder)]


def build(model: keras.Model) -> onnx.ModelProto:
    """Make the graph of a tagger, for rows of any number and length.

    It computes what the Keras model does, rows of several windows included. The inputs
    are those of the model under their names on the wire, int32: `input_ids`,
    `input_mask` and `segment_ids` (B, S), `labeled_positions` and, of a model that
    pools pieces, `word_lengths` (B, W). Ids that the encoder does not have are for the
    engine to refuse.

    Args:
        model: a tagger, such as `Bundle.load_model` returns.

    Returns:
        A graph with the output `probs` (B, W, T) float32. Its operators are ONNX' own,
        of version 18; pass it to `onnx.save`, or its `SerializeToString()` to an
        engine.

    Raises:
        ConfigError: there is no graph for the model.
    """
    check(model)
    family, graph = family_of(model), Graph()
    inputs = _inputs(graph, model.encoder)
    places, lengths = graph.input(LABELED_POSITIONS.wire, ("B", "W")), None
    if model.pooling.pool != "first":
        lengths = graph.input(WORD_LENGTHS.wire, ("B", "W"))
    rows = family.encode(model.encoder, inputs)
    scores = heads.score(model, heads.pool(model.pooling, rows, places, lengths))
    if model.crf is not None:
        scores = heads.with_neighbours(model.crf, scores, inputs.mask, places)
    return graph.model({PROBS: (scores.softmax(), ("B", "W", model.num_tags))})


def check(model: keras.Model) -> None:
    """Refuse a model that no graph can be made of.

    Raises:
        ConfigError: it is no tagger, or its encoder is of no known family.
    """
    family_of(model)
    if not hasattr(model, "classifier"):
        raise ConfigError(
            "an ONNX graph can be made of taggers. Received: a model of another task."
        )


def _inputs(graph: Graph, encoder: keras.Model) -> Inputs:
    """The inputs of an encoder, the same three whether or not it has segments."""
    ids, mask, types = (
        graph.input(feature.wire, ("B", "S"))
        for feature in (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS)
    )
    if encoder.type_vocab_size < 2:
        types = types * 0
        # An input that nothing is computed of is no input to OpenVINO.
        ids = ids + types
    return Inputs(ids, mask, types)
