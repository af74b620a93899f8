"""The graph of a whole model: inputs, encoder, head, outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tfner.data.features import (
    ATTENTION_MASK,
    INPUT_IDS,
    LABELED_POSITIONS,
    TOKEN_TYPE_IDS,
    WORD_LENGTHS,
)
from tfner.engines.onnx_graph import bert, convbert, heads, relative, rotary, spans
from tfner.engines.onnx_graph.bert import Inputs
from tfner.engines.onnx_graph.graph import Graph, Output, Tensor
from tfner.errors import ConfigError
from tfner.models.encoders.albert import AlbertEncoder
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.convbert import ConvBertEncoder
from tfner.models.encoders.deberta import DebertaEncoder
from tfner.models.encoders.mpnet import MPNetEncoder
from tfner.models.encoders.rotary import RotaryEncoder
from tfner.models.heads.span_extractor import SpanExtractor
from tfner.models.heads.token_classifier import TokenClassifier

if TYPE_CHECKING:
    import keras
    import onnx

PROBS = "probs"
LARGEST = 2**31
"""Bytes that a file in ONNX cannot reach."""


@dataclass(frozen=True, slots=True)
class Family:
    """One class of encoders.

    Args:
        names: of the families, for messages.
        encode: writes an encoder of the class.
        picks: whether it gives those pieces alone that are read: see `Inputs`.
    """

    names: str
    encode: Callable[[Any, Inputs], Tensor]
    picks: bool = False


FAMILIES: dict[type, Family] = {
    Encoder: Family(
        *("BERT, ELECTRA, DistilBERT, RoBERTa, XLM-R, CamemBERT, RemBERT", bert.encode),
        picks=True,
    ),
    AlbertEncoder: Family("ALBERT", bert.encode, picks=True),
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
    """Make the graph of a task's model, for rows of any number and length.

    It computes what the Keras model does, rows of several windows included. The inputs
    are those of the model under their names on the wire, int32: `input_ids`,
    `input_mask` and `segment_ids` (B, S); of a tagger `labeled_positions` and, if it
    pools pieces, `word_lengths` (B, W). Ids that the encoder does not have are for the
    engine to refuse.

    Args:
        model: such as `Bundle.load_model` returns.

    Returns:
        A graph with the output `probs` (B, W, T) float32 of a tagger, or those of
        `SpanExtractor.predictions`. Its operators are ONNX' own, of version 18; pass it
        to `onnx.save`, or its `SerializeToString()` to an engine.

    Raises:
        ConfigError: there is no graph for the model.
    """
    check(model)
    graph = Graph()
    inputs = _inputs(graph, model.encoder)
    if isinstance(model, SpanExtractor):
        rows = family_of(model).encode(model.encoder, inputs)
        return graph.model(spans.extract(model, inputs, rows))
    return graph.model({PROBS: _tag(model, inputs)})


def _tag(model: Any, inputs: Inputs) -> Output:
    """Probabilities (B, W, T) of tags."""
    graph, lengths = inputs.ids.graph, None
    places = graph.input(LABELED_POSITIONS.wire, ("B", "W"))
    if model.pooling.pool != "first":
        lengths = graph.input(WORD_LENGTHS.wire, ("B", "W"))
    scores = heads.score(model, _words(model, inputs, places, lengths))
    if model.crf is not None:
        scores = heads.with_neighbours(model.crf, scores, inputs.mask, places)
    return Output(scores.softmax(), ("B", "W", model.num_tags))


def _words(
    model: Any, inputs: Inputs, places: Tensor, lengths: Tensor | None
) -> Tensor:
    """Vectors (B, W, H) of words, read from the pieces that the model reads."""
    family, encoder = family_of(model), model.encoder
    if lengths is None:
        read = places
    elif model.pooling.pool == "last":
        read = heads.last_pieces(places, lengths)
    else:
        rows = family.encode(encoder, inputs)
        return heads.pool(model.pooling, rows, places, lengths)
    if family.picks:
        return family.encode(encoder, replace(inputs, read=read))
    return bert.pieces_at(family.encode(encoder, inputs), read)


def check(model: keras.Model) -> None:
    """Refuse a model that no graph can be made of.

    Raises:
        ConfigError: it is no tagger and finds no spans, its encoder is of no known
            family, or it is too large.
    """
    if not isinstance(model, (TokenClassifier, SpanExtractor)):
        raise ConfigError(
            "an ONNX graph can be made of taggers and of models that find spans. "
            f"Received: a {type(model).__name__}."
        )
    family_of(model)
    size = 4 * model.count_params()
    if size >= LARGEST:
        raise ConfigError(
            f"a graph in ONNX has less than {LARGEST / 2**30:g} GiB. Received: a model "
            f"whose weights take {size / 2**30:.1f} GiB in float32."
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
