"""A family of encoders that the package does not know: one module, a line a table.

What stands above the tests is all that a new family takes: its encoder, which would be
a module of `tfner/models/encoders`, and its settings and tensors, which would be one of
`tfner/checkpoints/families`. From a Hugging Face directory it is trained, scored, run
and exported by the commands as every other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file, save_file

from tfner.checkpoints.families import FAMILIES, Family
from tfner.checkpoints.loading import load_encoder
from tfner.inference.loading import open_bundle
from tfner.models.encoders import ENCODERS
from tfner.training.optimizers import layerwise_rates


@keras.saving.register_keras_serializable(package="tests")
class NeighbourEncoder(keras.Model):
    """Every layer adds to a piece what it makes of both neighbours in its window."""

    packs = True
    family = "neighbours"

    def __init__(
        self,
        *,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        max_positions: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.num_layers, self.max_positions = num_layers, max_positions
        self.table = keras.layers.Embedding(vocab_size, hidden_size)
        self.mixers = [
            keras.layers.Dense(hidden_size, activation="tanh", name=f"mixer_{number}")
            for number in range(num_layers)
        ]

    def build(self, input_shape: Any = None) -> None:
        if not self.table.built:
            self.table.build()
            for mixer in self.mixers:
                mixer.build((None, None, 3 * self.hidden_size))

    def call(self, inputs: Mapping[str, Any], training: Any = None) -> Any:
        window = inputs["attention_mask"]  # (B, S): 0, or the number of the window
        same = ops.cast(window[:, 1:] == window[:, :-1], self.compute_dtype)[..., None]
        rows = self.table(inputs["input_ids"])  # (B, S, H)
        for mixer in self.mixers:
            before = ops.pad(same * rows[:, :-1], [[0, 0], [1, 0], [0, 0]])
            after = ops.pad(same * rows[:, 1:], [[0, 0], [0, 1], [0, 0]])
            rows = rows + mixer(ops.concatenate([before, rows, after], axis=-1))
        return rows

    def layer_groups(self) -> list[list[keras.layers.Layer]]:
        return [[self.table], *([mixer] for mixer in self.mixers)]

    def recompute_layers(self) -> None:
        pass  # there is little to keep

    def get_config(self) -> dict[str, Any]:
        names = ("vocab_size", "hidden_size", "num_layers", "max_positions")
        return {"name": self.name, **{name: getattr(self, name) for name in names}}


NEIGHBOURS = Family(
    name="neighbours",
    architecture="Neighbours",
    encoder="neighbours",
    prefix="backbone.",
    settings={
        "vocab_size": "vocab_size",
        "hidden_size": "width",
        "num_layers": "depth",
        "max_positions": "max_position_embeddings",
    },
    tensors={"table": ("tokens",), "mixers.{}": ("stack.{}.mixer",)},
    skipped=("lm_head.", "classifier."),
)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS, "neighbours", NeighbourEncoder)
    monkeypatch.setitem(FAMILIES, "neighbours", NEIGHBOURS)


@pytest.fixture
def directory(tmp_path: Path, encoder_directory: Path) -> Path:
    """A Hugging Face directory of the family, as another program would write it."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).write_bytes((encoder_directory / name).read_bytes())
    pieces = len((folder / "vocab.txt").read_text("utf-8").splitlines())
    config = {"width": 24, "depth": 2, "max_position_embeddings": 64}
    config |= {"model_type": "neighbours", "vocab_size": pieces}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    random = np.random.default_rng(0)
    shapes = {"tokens.weight": (pieces, 24), "lm_head.bias": (pieces,)}
    for number in range(2):
        shapes[f"stack.{number}.mixer.weight"] = (24, 72)
        shapes[f"stack.{number}.mixer.bias"] = (24,)
    tensors = {
        name if name.startswith("lm_head") else f"backbone.{name}": random.normal(
            0, 0.2, shape
        ).astype("float32")
        for name, shape in shapes.items()
    }
    save_file(tensors, folder / "model.safetensors")
    return folder


Command = Callable[..., Any]


@pytest.fixture
def train(command: Command, directory: Path, toy_corpus: Path, tmp_path: Path) -> Any:
    """Trains into `tmp_path / "model"` and returns the report."""

    def run(*flags: object) -> Any:
        corpora = ("--train", toy_corpus / "train.conll")
        corpora += ("--dev", toy_corpus / "dev.conll")
        model = ("--encoder", directory, "--output", tmp_path / "model")
        rates = ("--learning-rate", 2e-2, "--batch-size", 16, "--max-length", 32)
        more = ("--no-jit-compile", "--json", "--overwrite")
        return json.loads(command("train", *corpora, *model, *rates, *more, *flags))

    return run


def test_the_commands_take_a_new_family_from_training_to_both_exports(
    command: Command, train: Any, toy_corpus: Path, tmp_path: Path
) -> None:
    report = train("--epochs", 8)
    model = tmp_path / "model"
    described = json.loads((model / "config.json").read_text("utf-8"))
    assert described["model"]["encoder"]["class"] == "neighbours"
    assert report["filled_positions"] > 0.8  # its rows are packed
    assert report["dev"]["f1"] > 0.8

    exports = {}
    for name, more in {"saved-model": ("--max-length", 32), "huggingface": ()}.items():
        flags = ("--format", name, *more, "--json")
        record = json.loads(command("export", model, tmp_path / name, *flags))
        exports[name] = record[name.replace("-", "_")]
    written = json.loads((tmp_path / "huggingface/config.json").read_text("utf-8"))
    assert written["model_type"] == "neighbours"
    assert written["architectures"] == ["NeighboursForTokenClassification"]

    dev = toy_corpus / "dev.conll"
    for path in (model, *exports.values()):
        scores = json.loads(command("evaluate", path, dev, "--json"))
        assert scores["f1"] == pytest.approx(report["dev"]["f1"]), path
        lines = command("predict", path, "--text", "anna lives in oslo").splitlines()
        found = {(e["text"], e["label"]) for e in json.loads(lines[0])["entities"]}
        assert found == {("anna", "PER"), ("oslo", "LOC")}


def test_its_lowest_layers_are_frozen_and_its_rates_fall(
    train: Any, directory: Path, tmp_path: Path
) -> None:
    train("--epochs", 1, "--freeze", 1, "--layerwise-lr-decay", 0.5, "--recompute")
    before = load_encoder(directory)
    model = open_bundle(tmp_path / "model").load_model()
    groups = zip(before.layer_groups(), model.encoder.layer_groups(), strict=True)
    for number, (old, new) in enumerate(groups):
        pairs = zip(old[0].get_weights(), new[0].get_weights(), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs) == (number < 2)
    rates = layerwise_rates(model, 0.5)
    expected = [0.0625, 0.125, 0.25]
    for (layer,), share in zip(model.encoder.layer_groups(), expected, strict=True):
        assert {rates[weight.path] for weight in layer.weights} == {share}


def test_its_tensors_are_written_as_they_were_read(
    directory: Path, tmp_path: Path
) -> None:
    from tfner.checkpoints.huggingface import save_encoder

    save_encoder(load_encoder(directory), tmp_path / "again")
    read, written = (
        load_file(folder / "model.safetensors")
        for folder in (directory, tmp_path / "again")
    )
    del read["lm_head.bias"]
    assert read.keys() == written.keys()
    assert all(np.array_equal(read[name], written[name]) for name in read)
