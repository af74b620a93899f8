"""Pretrained models against transformers, and in google-research's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfner.checkpoints.google import load_google_encoder
from tfner.checkpoints.loading import load_encoder
from tfner.checkpoints.pretrained import (
    save_discriminator,
    save_google_pretraining,
    save_masked_lm,
)
from tfner.checkpoints.tf_checkpoint import CheckpointTensors, find_prefix
from tfner.models.encoders.bert import Encoder
from tfner.models.pretraining.electra import (
    Electra,
    MaskedLanguageModel,
    discriminator_sums,
    masked_sums,
)
from tfner.models.pretraining.masking import Masked, Masking, replaced, sample

PIECES, ROWS, LENGTH = 60, 3, 20
TOLERANCE = 2e-5
MASKING = Masking(rate=0.25, mask_id=4, special_ids=(0, 2, 3, 4), vocab_size=PIECES)
SIZES: dict[str, Any] = {
    "vocab_size": PIECES,
    "num_layers": 2,
    "max_positions": LENGTH,
    "initializer_range": 0.3,  # so that a wrong gelu shows
}


def randomize(model: keras.Model) -> None:
    """Biases and norms too: those of a new model would hide a mix-up."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        shift = random.normal(0, 0.2, weight.shape) if len(weight.shape) == 1 else 0
        weight.assign(weight.numpy() + shift)


@pytest.fixture(params=["gelu", "gelu_tanh"])
def activation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def electra(activation: str) -> Electra:
    keras.utils.set_random_seed(0)
    sizes = {**SIZES, "embedding_size": 12, "family": "electra"}
    sizes["activation"] = activation
    encoder = Encoder(hidden_size=16, num_heads=2, intermediate_size=32, **sizes)
    generator = Encoder(
        hidden_size=8,
        num_heads=1,
        intermediate_size=32,
        embeddings=encoder.embeddings,
        **sizes,
    )
    model = Electra(MaskedLanguageModel(generator, MASKING), encoder)
    model.build()
    randomize(model)
    return model


@pytest.fixture
def bert(activation: str) -> MaskedLanguageModel:
    keras.utils.set_random_seed(0)
    sizes = {**SIZES, "activation": activation}
    encoder = Encoder(hidden_size=16, num_heads=2, intermediate_size=32, **sizes)
    model = MaskedLanguageModel(encoder, MASKING)
    model.build()
    randomize(model)
    return model


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    """Two segments, and padding in the second and third row."""
    ids = np.random.default_rng(2).integers(5, PIECES, (ROWS, LENGTH))
    mask = np.arange(LENGTH) < np.array([[LENGTH], [LENGTH - 5], [9]])
    ids[:, 0], ids[:, 6] = 2, 3
    types = mask & (np.arange(LENGTH) > 6)
    found = {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types}
    return {name: array.astype("int32") for name, array in found.items()}


def hide(rows: dict[str, np.ndarray]) -> Masked:
    tensors = {name: tf.constant(array) for name, array in rows.items()}
    return MASKING(tensors, np.array([1, 2], np.uint32))


def theirs(kind: str, directory: Path) -> Any:
    """A model of transformers with every weight of the file, and no other."""
    pytest.importorskip("torch", reason="needs PyTorch")
    import transformers

    model, found = getattr(transformers, kind).from_pretrained(
        directory, output_loading_info=True
    )
    assert not any(found.values()), found
    return model.eval()


def call(model: Any, rows: dict[str, np.ndarray], **more: Any) -> Any:
    import torch

    tensors = {n: torch.tensor(np.asarray(a)).long() for n, a in (rows | more).items()}
    with torch.no_grad():
        return model(**tensors)


def at_slots(output: Any, masked: Masked) -> np.ndarray:
    index = np.asarray(masked.positions)[:, :, None]
    found = np.take_along_axis(output.numpy(), index, axis=1)
    return found.reshape(-1, output.shape[-1])


@pytest.mark.parity
@pytest.mark.torch
@pytest.mark.parametrize("kind", ["ElectraForMaskedLM", "BertForMaskedLM"])
def test_masked_language_models_equal_transformers(
    kind: str,
    electra: Electra,
    bert: MaskedLanguageModel,
    rows: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    model = bert if kind.startswith("Bert") else electra.generator
    save_masked_lm(model, tmp_path)
    masked = hide(rows)
    labels = np.full((ROWS, LENGTH), -100)
    for row in range(ROWS):
        used = np.asarray(masked.used)[row]
        at = np.asarray(masked.positions)[row][used]
        labels[row, at] = np.asarray(masked.labels)[row][used]
    shown = {**rows, "input_ids": np.asarray(masked.input_ids)}
    output = call(theirs(kind, tmp_path), shown, labels=labels)
    logits = np.asarray(model.predict_hidden(rows, masked))
    wanted = at_slots(output.logits, masked)
    used = np.asarray(masked.used).reshape(-1)
    assert np.abs(logits - wanted)[used].max() < TOLERANCE
    count, loss, right = (float(part) for part in masked_sums(logits, masked))
    assert loss / count == pytest.approx(float(output.loss), abs=TOLERANCE)
    hits = wanted.argmax(-1) == np.asarray(masked.labels).reshape(-1)
    assert right == hits[used].sum()


@pytest.mark.parity
@pytest.mark.torch
def test_the_discriminator_equals_transformers(
    electra: Electra, rows: dict[str, np.ndarray], tmp_path: Path
) -> None:
    save_discriminator(electra, tmp_path)
    masked = hide(rows)
    logits = electra.generator.predict_hidden(rows, masked)
    drawn = tf.reshape(sample(logits, np.array([1, 2], np.uint32)), masked.used.shape)
    ids = tf.constant(rows["input_ids"])
    filled = np.asarray(replaced(ids, masked.positions, masked.used, drawn))
    wrong = filled != rows["input_ids"]
    assert wrong.any()
    shown = {**rows, "input_ids": filled}
    output = call(theirs("ElectraForPreTraining", tmp_path), shown, labels=wrong)
    logits = np.asarray(electra.discriminate(shown))
    real = rows["attention_mask"] > 0
    assert np.abs(logits - output.logits.numpy())[real].max() < TOLERANCE
    loss, _ = discriminator_sums(logits, wrong, rows["attention_mask"])
    assert float(loss) / real.sum() == pytest.approx(float(output.loss), abs=TOLERANCE)


def test_encoders_are_read_back_from_every_file(
    electra: Electra, bert: MaskedLanguageModel, tmp_path: Path
) -> None:
    save_discriminator(electra, tmp_path / "discriminator")
    save_masked_lm(electra.generator, tmp_path / "generator")
    save_masked_lm(bert, tmp_path / "bert")
    for name, encoder in (
        ("discriminator", electra.discriminator),
        ("generator", electra.generator.encoder),
        ("bert", bert.encoder),
    ):
        found = load_encoder(tmp_path / name)
        assert_equal(found, encoder)


def assert_equal(found: Encoder, encoder: Encoder) -> None:
    own = encoder.get_config() | {"name": found.name}
    assert found.get_config() == own
    for one, other in zip(found.weights, encoder.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_googles_checkpoint_holds_both_encoders(
    electra: Electra, tmp_path: Path
) -> None:
    save_google_pretraining(electra, tmp_path, step=7)
    assert_equal(load_google_encoder(tmp_path), electra.discriminator)
    generator = load_google_encoder(tmp_path, part="generator", num_heads=1)
    assert_equal(generator, electra.generator.encoder)


def test_googles_checkpoint_has_the_names_that_its_own_code_gives(
    electra: Electra, bert: MaskedLanguageModel, google: Any, tmp_path: Path
) -> None:
    for model, names in ((electra, google.electra()), (bert, google.bert())):
        save_google_pretraining(model, tmp_path / model.name, step=7)
        tensors = CheckpointTensors(find_prefix(tmp_path / model.name))
        written = set(tensors.names) - {"global_step"}
        # Of BERT, what predicts the next sentence is not trained.
        assert written == {
            name
            for name in names
            if not name.startswith(("bert/pooler", "cls/seq", "global_step"))
            and not name.endswith(("adam_m", "adam_v"))
        }
        assert int(tensors.read("global_step")) == 7
