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
from tfner.models.encoders.bert import Encoder
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
KINDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "electra": {"embedding_size": 16},
    "roberta": {"position_offset": 2, "type_vocab_size": 1},
    "distilbert": {"type_vocab_size": 0},
    "tanh": {"activation": "gelu_tanh", "layer_norm_epsilon": 1e-5},
}


def tagger(encoder: keras.Model, **settings: Any) -> keras.Model:
    """A tagger of weights that tell every mistake: of deviation 0.3."""
    model = TokenClassifier(encoder, 7, **settings)
    model.build()
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        centre = 1.0 if weight.path.endswith("gamma") else 0.0
        weight.assign(random.normal(centre, 0.3, weight.shape))
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
            "labeled_positions": np.sort(random.integers(0, length, (count, words))),
        }.items()
    }


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


ENGINES = {"onnxruntime": onnxruntime_of, "openvino": openvino_of}


@pytest.mark.parity
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_computes_what_its_model_does(kind: str, engine: str) -> None:
    settings = KINDS[kind]
    model = tagger(Encoder(**SIZES, **settings))
    graph = build(model)
    onnx.checker.check_model(graph, full_check=True)
    run = ENGINES[engine](graph)
    segments = max(1, settings.get("type_vocab_size", 2))
    for count, length in ((1, 5), (3, 37), (4, 128), (2, LONGEST)):
        features = rows(count, length, segments=segments)
        probs = run(features)["probs"]
        assert np.abs(probs - by_keras(model, features)).max() < TOLERANCE


def test_an_encoder_of_a_users_own_is_refused() -> None:
    class Own(Encoder):
        pass

    with pytest.raises(ConfigError, match="of these families: BERT, ELECTRA"):
        build(TokenClassifier(Own(**SIZES), 7))
