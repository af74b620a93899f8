"""Every step compiles to XLA with static shapes and int32 inputs: what a TPU needs.

Lowering to HLO fails on any operation that XLA does not have, such as Python functions,
strings, dynamic shapes or variables of unknown size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfner.checkpoints.loading import load_encoder
from tfner.data.packing import make_batch_plan
from tfner.data.pipeline import WindowTable, window_batches
from tfner.data.windows import Window
from tfner.finetuning.data import load_corpora
from tfner.finetuning.model import compile_task_model
from tfner.finetuning.training_data import encode_training, make_task
from tfner.inference.native_bundle import build
from tfner.inference.runners import KerasRunner
from tfner.models.encoders.interface import freeze_layers, recompute_layers
from tfner.models.encoders.lora import add_adapters
from tfner.tasks import Task
from tfner.training.distribution import Distribution
from tfner.training.precision import precision

LAYOUTS = ["packed", "padded"]


@pytest.fixture
def learnt(config) -> tuple[Task, list[Window]]:
    corpora, label_set = load_corpora(config())
    task = make_task(config(), label_set)
    return task, encode_training(task, corpora.train)[0]


def specs(task: Task, windows: list[Window], layout: str, *, parts: int) -> Any:
    """What the pipeline promises to a step."""
    table = WindowTable(windows, pad_id=task.tokenizer.pad_id)
    plan = make_batch_plan(
        table.lengths, layout=layout, batch_size=8, seed=0, epochs=1, max_length=32
    )
    return window_batches(table, plan.divisible(parts)).element_spec


def assert_static(data: Any) -> None:
    for spec in tf.nest.flatten(data):
        assert spec.shape.is_fully_defined()
        assert spec.dtype == tf.int32


def hlo(step: Callable[..., Any], data: Any) -> str:
    """The step as XLA gets it, from one static input signature."""
    compiled = tf.function(step, jit_compile=True, input_signature=[data])
    example = tf.nest.map_structure(lambda s: tf.zeros(s.shape, s.dtype), data)
    return str(compiled.experimental_get_compiler_ir(example)(stage="hlo"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {
            "accumulate": 2,
            "recompute": True,
            "ema": 0.9,
            "freeze": 0,
            "precision": "mixed_bfloat16",
        },
    ],
    ids=["plain", "everything"],
)
def test_a_train_step_compiles(config, learnt, layout, change) -> None:
    task, windows = learnt
    settings = config(**change)
    with precision(settings.devices.precision):
        model = task.build(load_encoder(settings.model.encoder), dropout=0.1)
    build(model)
    if settings.devices.recompute:
        recompute_layers(model.encoder)
    if settings.model.freeze is not None:
        freeze_layers(model.encoder, settings.model.freeze)
        add_adapters(model.encoder, 4)
    else:
        model.encoder.learn_pieces(range(5, 50))
    one = Distribution("none", tf.distribute.get_strategy())
    training_model = compile_task_model(
        model, task, settings, seed=0, steps=10, distribution=one
    )
    data = specs(task, windows, layout, parts=settings.optimizer.accumulate)
    assert_static(data)
    program = hlo(training_model.train_step, data)
    assert "custom-call" not in program
    assert ("bf16" in program) == (settings.devices.precision == "mixed_bfloat16")
    assert "f64" not in program


@pytest.mark.parametrize("layout", LAYOUTS)
def test_evaluation_and_prediction_compile(config, learnt, layout) -> None:
    """Both run the same function; dev losses are taken from its probabilities."""
    task, windows = learnt
    model = task.build(load_encoder(config().model.encoder), dropout=0.1)
    build(model)
    features, _ = specs(task, windows, layout, parts=1)
    assert_static(features)
    runner = KerasRunner(model, jit_compile=True)
    program = hlo(runner._run, features)
    assert "custom-call" not in program
    assert "f64" not in program


def test_an_operation_that_xla_has_not_is_noticed() -> None:
    def step(values: Any) -> Any:
        return tf.numpy_function(np.sort, [values], tf.int32)

    with pytest.raises(
        (tf.errors.InvalidArgumentError, ValueError), match="unsupported operations"
    ):
        hlo(step, tf.TensorSpec([4], tf.int32))
