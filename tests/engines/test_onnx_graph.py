"""ONNX graphs beside the Keras models that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest

from tfner.data.features import to_wire
from tfner.engines.onnx_graph import build
from tfner.errors import ConfigError
from tfner.models.encoders.albert import AlbertEncoder
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.convbert import ConvBertEncoder
from tfner.models.encoders.deberta import DebertaEncoder
from tfner.models.encoders.mpnet import MPNetEncoder
from tfner.models.encoders.rotary import RotaryEncoder
from tfner.models.heads.crf import RATE
from tfner.models.heads.span_extractor import SpanExtractor
from tfner.models.heads.token_classifier import TokenClassifier

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.slow

Features = dict[str, np.ndarray]
Run = Callable[[Features], Mapping[str, np.ndarray]]

TOLERANCE = 2e-5
PIECES, LONGEST = 50, 512
SIZES: dict[str, Any] = {
    "vocab_size": PIECES,
    "hidden_size": 24,
    "num_layers": 2,
    "num_heads": 3,
    "intermediate_size": 40,
    "max_positions": LONGEST,
}
KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "bert": (Encoder, {}),
    "electra": (Encoder, {"embedding_size": 16}),
    "roberta": (Encoder, {"position_offset": 2, "type_vocab_size": 1}),
    "distilbert": (Encoder, {"type_vocab_size": 0}),
    "tanh": (Encoder, {"activation": "gelu_tanh", "layer_norm_epsilon": 1e-5}),
    "albert": (
        AlbertEncoder,
        {"embedding_size": 16, "num_layers": 4, "num_groups": 2, "activation": "relu"},
    ),
    "mpnet": (MPNetEncoder, {"position_offset": 2, "type_vocab_size": 0}),
    "deberta": (DebertaEncoder, {"terms": ("c2p", "p2c"), "farthest": 64}),
    "deberta-v3": (
        DebertaEncoder,
        {
            "terms": ("c2p", "p2c"),
            "farthest": 64,
            "buckets": 16,
            "shared_projections": True,
            "norm_distances": True,
            "convolution": 3,
            "absolute_positions": True,
            "type_vocab_size": 2,
        },
    ),
    "modernbert": (
        RotaryEncoder,
        {"local_layers": (1,), "local_reach": 4, "head_activation": "gelu"},
    ),
    "eurobert": (
        RotaryEncoder,
        {
            "norm": "rms",
            "embedding_norm": False,
            "num_key_value_heads": 1,
            "activation": "silu",
        },
    ),
    "nomic": (
        RotaryEncoder,
        {
            "norm": "layer",
            "norm_first": False,
            "type_vocab_size": 2,
            "attention_bias": True,
            "feed_forward_bias": True,
        },
    ),
    "convbert": (ConvBertEncoder, {"num_heads": 4, "groups": 2, "embedding_size": 16}),
}
HEADS: dict[str, dict[str, Any]] = {
    "last": {"pool": "last"},
    "mean": {"pool": "mean"},
    "max": {"pool": "max"},
    "attention": {"pool": "attention"},
    "crf": {"crf": True},
}


def tagger(encoder: keras.Model, **settings: Any) -> keras.Model:
    """A tagger of weights that tell every mistake: of deviation 0.3."""
    model = TokenClassifier(encoder, 7, **settings)
    model.build()
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        centre = 1.0 if weight.path.endswith("gamma") else 0.0
        spread = 0.3 / RATE if "crf" in weight.path else 0.3
        weight.assign(random.normal(centre, spread, weight.shape))
    return model


def rows(count: int, length: int, *, segments: int = 2) -> Features:
    """Packed rows, the last one padded; if there are several, the first all padding."""
    random = np.random.default_rng(length)
    windows = np.sort(random.integers(1, 4, (count, length)))
    windows[-1, length - length // 4 :] = 0
    windows[: count // 2] = 0
    words = max(1, length // 2)
    return {
        name: values.astype(np.int32)
        for name, values in {
            "input_ids": random.integers(0, PIECES, (count, length)),
            "attention_mask": windows,
            "token_type_ids": random.integers(0, segments, (count, length)),
            "labeled_positions": _places(random, windows, words),
        }.items()
    }


def _places(random: Any, windows: np.ndarray, words: int) -> np.ndarray:
    """Rising places of words, zeros after the last one."""
    places = np.zeros((len(windows), words), int)
    for row, is_piece in zip(places, windows > 0, strict=True):
        at = np.flatnonzero(is_piece & (random.random(len(is_piece)) < 0.4))
        at = at[at > 0][:words]
        row[: len(at)] = at
    return places


def lengths_of(features: Features) -> np.ndarray:
    """How many pieces each word has: 1 to 3, up to the next word."""
    places, length = features["labeled_positions"], features["input_ids"].shape[1]
    after = np.append(places[:, 1:], np.zeros((len(places), 1), int), axis=1)
    room = np.where(after > 0, after, length) - places
    found = np.minimum(room, 1 + places % 3)
    return np.where(places > 0, found, 0).astype(np.int32)


def by_keras(model: keras.Model, features: Features) -> np.ndarray:
    probs = keras.ops.softmax(model(features, training=False))
    return np.asarray(keras.ops.convert_to_numpy(probs))


def onnxruntime_of(graph: Any) -> Run:
    session = pytest.importorskip("onnxruntime").InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def run(features: Features) -> Mapping[str, np.ndarray]:
        names = [output.name for output in session.get_outputs()]
        found = session.run(names, to_wire(features))
        return dict(zip(names, found, strict=True))

    return run


def openvino_of(graph: Any) -> Run:
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    model = core.read_model(graph.SerializeToString())
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(model, "CPU", exact)
    return lambda features: {
        output.get_any_name(): values
        for output, values in compiled(to_wire(features)).items()
    }


def litert_of(graph: Any) -> Run:
    """LiteRT, whose `Softplus` and `Erf` are others than ONNX Runtime's."""
    pytest.importorskip("ai_edge_litert")
    from tfner.engines import litert_graph, with_litert

    run = with_litert.load(litert_graph.convert(graph), threads=1)
    return lambda features: run(to_wire(features))


ENGINES = {
    "onnxruntime": onnxruntime_of,
    "openvino": openvino_of,
    "litert": litert_of,
}


def compare(model: keras.Model, engine: str, *, segments: int = 2) -> None:
    graph = build(model)
    onnx.checker.check_model(graph, full_check=True)
    run = ENGINES[engine](graph)
    for count, length in ((1, 5), (3, 37), (4, 128), (2, LONGEST)):
        features = rows(count, length, segments=segments)
        if model.pooling.pool != "first":
            features["word_lengths"] = lengths_of(features)
        is_word = features["labeled_positions"] > 0
        found = run(features)["probs"] - by_keras(model, features)
        assert np.abs(found[is_word]).max(initial=0) < TOLERANCE, (count, length)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("kind", "engine"),
    [
        *((kind, engine) for kind in KINDS for engine in ("onnxruntime", "openvino")),
        *((kind, "litert") for kind in ("electra", "deberta-v3", "modernbert")),
    ],
)
def test_a_graph_computes_what_its_model_does(kind: str, engine: str) -> None:
    make, settings = KINDS[kind]
    settings = SIZES | settings
    encoder = make(**settings)
    compare(tagger(encoder), engine, segments=max(1, encoder.type_vocab_size))


@pytest.mark.parity
@pytest.mark.parametrize(
    ("head", "engine"),
    [
        *((head, engine) for head in HEADS for engine in ("onnxruntime", "openvino")),
        *((head, "litert") for head in ("mean", "max", "crf")),
    ],
)
def test_a_head_computes_what_that_of_its_model_does(head: str, engine: str) -> None:
    if engine == "litert" and head in ("crf", "max"):
        with pytest.raises(ConfigError, match="and OpenVINO have them"):
            compare(tagger(Encoder(**SIZES), **HEADS[head]), engine)
        return
    compare(tagger(Encoder(**SIZES), **HEADS[head]), engine)


@pytest.mark.parity
@pytest.mark.parametrize("engine", ENGINES)
def test_spans_are_those_of_the_model(engine: str) -> None:
    model = SpanExtractor(Encoder(**SIZES), end_threshold=0.4, span_threshold=0.6)
    model.build()
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        centre = 1.0 if weight.path.endswith("gamma") else 0.0
        weight.assign(random.normal(centre, 0.3, weight.shape))
    graph = build(model)
    onnx.checker.check_model(graph, full_check=True)
    run, found = ENGINES[engine](graph), 0
    for count, length in ((1, 5), (3, 37), (4, 128)):
        features = rows(count, length)
        del features["labeled_positions"]
        outputs = model.predictions(model(features, training=False))
        expected = {n: keras.ops.convert_to_numpy(v) for n, v in outputs.items()}
        outputs = run(features)
        assert outputs.keys() == expected.keys()
        for name, values in expected.items():
            assert outputs[name].shape == values.shape, name
            assert np.abs(outputs[name] - values).max(initial=0) < TOLERANCE, name
        found += len(expected["spans"])
    assert found > 100


def test_an_encoder_of_a_users_own_is_refused() -> None:
    class Own(Encoder):
        pass

    with pytest.raises(ConfigError, match="of these families: BERT, ELECTRA"):
        build(TokenClassifier(Own(**SIZES), 7))


def test_a_model_too_large_for_a_file_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tfner.engines.onnx_graph.model.LARGEST", 2**10)
    model = tagger(Encoder(**SIZES))
    with pytest.raises(ConfigError, match=r"weights take 0\.0 GiB"):
        build(model)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_piece_of_large_numbers_leaves_the_others_their_digits(engine: str) -> None:
    from tfner.engines.onnx_graph.quantized import with_small_tables

    model = tagger(Encoder(**SIZES))
    table = np.array(model.encoder.weights[0])
    assert table.shape == (PIECES, SIZES["hidden_size"])
    table[0] *= 1000
    model.encoder.weights[0].assign(table)
    graph = build(model)
    small = with_small_tables(graph)
    onnx.checker.check_model(small, full_check=True)
    kinds = [t.data_type for t in small.graph.initializer if t.dims[:1] == [PIECES]]
    assert sorted(kinds) == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT8]
    features = rows(4, 37)
    features["input_ids"] = np.maximum(features["input_ids"], 1)
    is_word = features["labeled_positions"] > 0
    found = ENGINES[engine](small)(features)["probs"] - by_keras(model, features)
    assert np.abs(found[is_word]).max() < 0.1
    assert ENGINES[engine](graph)(features)["probs"].shape == found.shape
