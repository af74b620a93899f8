"""Models, losses and optimizers run on another backend than TensorFlow's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray
from safetensors.numpy import save_file

from tfner.checkpoints.families import FAMILIES
from tfner.checkpoints.loading import load_encoder
from tfner.config.pretrain import PRETRAIN_PRESETS, PretrainConfig
from tfner.models.encoders.bert import Encoder
from tfner.models.encoders.interface import INPUTS
from tfner.models.encoders.lora import add_adapters, frozen_weights
from tfner.models.heads.losses import MaskedAccuracy, masked_crossentropy
from tfner.models.heads.span_extractor import SpanExtractor
from tfner.models.heads.span_losses import SpanLoss
from tfner.models.heads.token_classifier import TokenClassifier
from tfner.models.keras_internals import all_layers
from tfner.models.pretraining.electra import BINS, FIGURES, Electra, MaskedLanguageModel
from tfner.pretraining.model import DRAWS, make_model, make_optimizer
from tfner.pretraining.report import figures
from tfner.training.optimizers import adamw

GOLDEN = Path(__file__).parent / "golden"
ROWS, LENGTH, WORDS, TAGS, PIECES = 4, 12, 6, 5, 50

pytestmark = [
    pytest.mark.jax,
    pytest.mark.skipif(
        keras.backend.backend() != "jax", reason="needs KERAS_BACKEND=jax"
    ),
]


@pytest.fixture
def batch() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Packed rows: two windows each, then padding; one word in six is not labelled."""
    random = np.random.default_rng(0)
    features = {
        "input_ids": random.integers(1, PIECES, (ROWS, LENGTH)),
        "attention_mask": np.tile([1] * 5 + [2] * 5 + [0] * 2, (ROWS, 1)),
        "token_type_ids": np.zeros((ROWS, LENGTH)),
        "labeled_positions": np.tile([1, 2, 3, 6, 7, 8], (ROWS, 1)),
        "word_lengths": np.tile([1, 1, 2, 1, 1, 2], (ROWS, 1)),
    }
    labels = random.integers(0, TAGS, (ROWS, WORDS))
    labels[:, -1] = -100
    return {k: v.astype("int32") for k, v in features.items()}, labels.astype("int32")


@pytest.mark.parametrize(
    ("crf", "pool"),
    [
        (False, "first"),
        (True, "first"),
        (False, "last"),
        (True, "mean"),
        (False, "max"),
        (False, "attention"),
    ],
)
def test_a_token_classifier_learns_a_batch_by_heart_on_jax(
    batch: tuple[dict[str, np.ndarray], np.ndarray], crf: bool, pool: str
) -> None:
    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=PIECES,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        intermediate_size=64,
        embedding_size=16,
        max_positions=LENGTH,
    )
    model = TokenClassifier(encoder, TAGS, crf=crf, pool=pool)
    model.compile(
        optimizer=adamw(
            learning_rate=1e-2, steps=60, warmup_steps=6, weight_decay=0.01
        ),
        loss=masked_crossentropy,
        metrics=[MaskedAccuracy()],
    )
    losses = [model.train_on_batch(*batch, return_dict=True)["loss"] for _ in range(60)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] / 4
    scores = model.test_on_batch(*batch, return_dict=True)
    assert scores["accuracy"] > 0.9


def test_pieces_that_are_met_learn_alone_on_jax(
    batch: tuple[dict[str, np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    sizes = {"num_layers": 1, "num_heads": 2, "intermediate_size": 16}
    sizes |= {"vocab_size": PIECES, "hidden_size": 8, "max_positions": LENGTH}
    model = TokenClassifier(Encoder(**sizes), TAGS)
    model.encoder.build()
    table = model.encoder.embeddings.pieces
    before, met = np.array(table.embeddings), np.unique(batch[0]["input_ids"][:, :10])
    model.encoder.learn_pieces(met[1:])
    model.compile(optimizer="sgd", loss=masked_crossentropy)
    model.train_on_batch(*batch)
    model.save_weights(tmp_path / "it.weights.h5")
    again = TokenClassifier(Encoder(**sizes), TAGS)
    again(batch[0])
    again.load_weights(tmp_path / "it.weights.h5")
    for learned in (table.embeddings, again.encoder.embeddings.pieces.embeddings):
        moved = (np.asarray(learned) != before).any(axis=1)
        np.testing.assert_array_equal(moved.nonzero()[0], met[1:])


def test_changes_of_low_rank_are_learned_and_merged_on_jax(
    batch: tuple[dict[str, np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    sizes = {"num_layers": 1, "num_heads": 2, "intermediate_size": 16}
    sizes |= {"vocab_size": PIECES, "hidden_size": 8, "max_positions": LENGTH}
    model, plain = (TokenClassifier(Encoder(**sizes), TAGS) for _ in range(2))
    for made in (model, plain):
        made(batch[0])
    before = [np.array(weight) for weight in model.encoder.weights]
    add_adapters(model.encoder, 2)
    model.compile(optimizer="sgd", loss=masked_crossentropy)
    for _ in range(2):
        model.train_on_batch(*batch)
    for weight, old in zip(frozen_weights(model.encoder), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    model.save_weights(tmp_path / "it.weights.h5")
    plain.load_weights(tmp_path / "it.weights.h5")
    found, expected = plain(batch[0]), model(batch[0])
    assert np.abs(found - expected).max() < 1e-5
    moved = [
        not np.array_equal(weight, old)
        for weight, old in zip(plain.encoder.weights, before, strict=True)
    ]
    assert sum(moved) == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_encoders_give_the_stored_values_of_transformers_on_jax(
    family: str, tmp_path: Path
) -> None:
    import jax

    with np.load(GOLDEN / f"encoder_{family}.npz") as file:
        stored = dict(file)
    (tmp_path / "config.json").write_text(str(stored["config"]), "utf-8")
    tensors = {k[7:]: a for k, a in stored.items() if k.startswith("tensor/")}
    save_file(tensors, tmp_path / "model.safetensors")
    encoder = load_encoder(tmp_path)
    batch = {name: stored[name] for name in INPUTS}
    found = np.asarray(jax.jit(lambda batch: encoder(batch))(batch))
    real = stored["attention_mask"] > 0
    assert np.abs(found - stored["output"])[real].max() < 2e-5


class SpanLearner(SpanExtractor):
    """Span extraction under `fit`, which knows no loss over several outputs."""

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any, **_: Any
    ) -> Any:
        total, count = SpanLoss()(y, y_pred)
        return total / count


def test_spans_are_learnt_by_heart_on_jax() -> None:
    keras.utils.set_random_seed(0)
    encoder = Encoder(
        vocab_size=PIECES,
        hidden_size=32,
        num_layers=1,
        num_heads=4,
        intermediate_size=64,
        max_positions=LENGTH,
    )
    model = SpanLearner(encoder, dropout=0.1)
    model.build()
    random = np.random.default_rng(0)
    shape = (ROWS, LENGTH)
    starts, ends = (np.full(shape, -100, "int32") for _ in range(2))
    spans = np.full((*shape, 1), -100, "int32")
    starts[:, 2:10] = ends[:, 2:10] = 0
    for row, first in enumerate(random.integers(2, 7, ROWS)):
        starts[row, first] = ends[row, first + 2] = 1
        spans[row, first] = 2
    targets = {"start_labels": starts, "end_labels": ends, "span_labels": spans}
    features = {
        "input_ids": random.integers(1, PIECES, shape).astype("int32"),
        "attention_mask": np.ones(shape, "int32"),
        "token_type_ids": (np.arange(LENGTH) > 1) * np.ones(shape, "int32"),
    }
    model.compile(
        optimizer=adamw(learning_rate=1e-2, steps=80, warmup_steps=8, weight_decay=0.0)
    )
    inputs = {**features, "start_labels": starts, "end_labels": ends}
    losses = [model.train_on_batch(inputs, targets) for _ in range(80)]
    losses = [float(np.ravel(loss)[0]) for loss in losses]
    assert losses[-1] < losses[0] / 4
    found = np.asarray(model(features)["match"] > 0) & np.asarray(
        model(features)["candidates"]
    )
    right = (spans[..., 0] >= 0).nonzero()
    assert found[right[0], right[1], right[1] + 2].mean() > 0.9


def train_on_jax(
    model: Electra | MaskedLanguageModel,
    optimizer: keras.optimizers.Optimizer,
    batches: Iterator[Mapping[str, Any]],
    *,
    steps: int,
    first_step: int = 0,
    seed: int = 0,
    clip_norm: float = 1.0,
    every: int = 100,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Take steps with Keras on JAX; between them model and optimizer stand as trained.

    Args:
        model: built.
        optimizer: built on the model's trainable variables.
        batches: dicts of `input_ids`, `attention_mask`, `token_type_ids`, (B, S) int32
            each, of one shape.
        steps: of the whole run.
        first_step: steps that are done; the batches go on from there.
        seed: of what is hidden and drawn, and of dropout.
        clip_norm: largest global norm of the gradient; 0 does not clip.
        every: steps between two reports.

    Yields:
        The number of steps done, and the sums of the batches since the last report
        (see `tfner.pretraining.report.figures`).
    """
    import jax

    step = jax.jit(_step(model, optimizer, seed, clip_norm), donate_argnums=0)
    state = [_values(v) for v in _variables(model, optimizer)]
    zeros = np.zeros(len(FIGURES) + 2 * BINS, np.float32)
    sums = zeros
    for number in range(first_step, steps):
        state, found = step(state, dict(next(batches)), np.uint32(number))
        sums = sums + found
        done = number + 1
        if done == steps or done % every == 0:
            # Copies: the next step takes the arrays of its state for its own.
            for variables, values in zip(
                _variables(model, optimizer), state, strict=True
            ):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(np.asarray(value))
            yield done, np.asarray(sums)
            sums = zeros


def _variables(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Any:
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
    )


def _values(variables: Any) -> list[Any]:
    return [np.asarray(variable.value) for variable in variables]


def _step(model: Any, optimizer: Any, seed: int, clip_norm: float) -> Any:
    import jax

    names = [id(variable) for variable in model.non_trainable_variables]
    places = [
        names.index(id(layer.seed_generator.state))
        for layer in all_layers(model)
        if hasattr(layer, "seed_generator")
    ]

    def loss(trainable: Any, other: Any, batch: Any) -> Any:
        sums, _ = model.stateless_call(trainable, other, batch, training=True)
        return model.batch_loss(sums, model.counts(batch)), sums

    def step(state: Any, batch: Any, number: Any) -> Any:
        trainable, other, moments = state
        seeded = list(other)
        for order, place in enumerate(places):
            start = np.uint32(1_000 * seed + order)
            seeded[place] = ops.stack([start, number * DRAWS])
        (_, sums), gradients = jax.value_and_grad(loss, has_aux=True)(
            trainable, seeded, batch
        )
        if clip_norm:
            norm = ops.sqrt(sum(ops.sum(ops.square(g)) for g in gradients))
            scale = ops.minimum(1.0, clip_norm / ops.maximum(norm, 1e-6))
            gradients = [gradient * scale for gradient in gradients]
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return [trainable, other, moments], sums

    return step


def pretrain_reports(objective: str, steps: int) -> list[dict[str, float]]:
    """What is reported of steps on one batch, all of whose weights change."""
    random = np.random.default_rng(0)
    ids = random.integers(5, PIECES, (ROWS, LENGTH)).astype("int32")
    mask = np.ones_like(ids)
    batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": 0 * mask}
    settings = PRETRAIN_PRESETS["tiny"] | {"objective": objective, "steps": steps}
    config = PretrainConfig(**settings, data="rows", output="run")
    special = {"vocab_size": PIECES, "mask_id": 4, "special_ids": [0, 2, 3, 4]}
    model, optimizer = make_model(config, **special), make_optimizer(config.optimizer)
    optimizer.build(model.trainable_variables)
    before = [np.asarray(weight) for weight in model.weights]
    reports = list(
        train_on_jax(model, optimizer, iter([batch] * steps), steps=steps, every=20)
    )
    assert [step for step, _ in reports] == list(range(20, steps + 1, 20))
    assert int(optimizer.iterations) == steps
    changed = [
        np.abs(w - old).max() for w, old in zip(model.weights, before, strict=True)
    ]
    assert min(changed) > 0
    return [figures(sums) for _, sums in reports]


@pytest.mark.parametrize("objective", ["electra", "mlm"])
def test_pretraining_learns_a_batch_by_heart_on_jax(objective: str) -> None:
    first, *_, last = pretrain_reports(objective, 100)
    assert last["mlm_loss"] < 0.9 * first["mlm_loss"]
    assert ("discriminator_auc" in last) == (objective == "electra")
