"""Pretraining runs: they learn, stop, go on as if nothing had been, and are read."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfner.checkpoints.loading import load_encoder
from tfner.config.pretrain import PRETRAIN_PRESETS, PretrainConfig
from tfner.errors import TfnerError
from tfner.pretraining.run import pretrain
from tfner.tokenization import load_tokenizer
from tfner.training.checkpoints import NumberedCheckpoints

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., PretrainConfig]
RUN = """
import logging, sys
from pathlib import Path
from tfner.config.pretrain import PretrainConfig, read_pretrain_settings
from tfner.pretraining.run import pretrain
path, resume = sys.argv[1], sys.argv[2] == "resume"
found = read_pretrain_settings(Path(path), [], {"resume": resume})
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
pretrain(PretrainConfig(**found))
"""
TERMINATED = f"""
import os, signal
from tfner.pretraining.run import Pretraining
report = Pretraining.report
def report_and_terminate(*arguments):
    report(*arguments)
    os.kill(os.getpid(), signal.SIGTERM)
Pretraining.report = report_and_terminate
{RUN}"""
ON_TWO_PROCESSORS = f"""
import tensorflow as tf
processor, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration()] * 2
)
{RUN}"""


def weights(run: Path, step: int) -> list[np.ndarray]:
    return NumberedCheckpoints(run / "checkpoints").load(step).arrays


def assert_same_weights(one: Path, other: Path, step: int) -> None:
    for left, right in zip(weights(one, step), weights(other, step), strict=True):
        np.testing.assert_array_equal(left, right)


def log_of(run: Path) -> list[dict[str, float]]:
    with (run / "log.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def failure(config: PretrainConfig) -> str:
    with pytest.raises(TfnerError) as caught:
        pretrain(config)
    return str(caught.value)


@pytest.mark.slow
def test_tiny_learns_a_small_corpus_and_finds_what_was_replaced(
    make_pretraining: Make, tmp_path: Path, heed: Any
) -> None:
    lines: list[str] = []
    config = make_pretraining(
        tmp_path / "run",
        **PRETRAIN_PRESETS["tiny"]
        | {"steps": 1000, "log_every": 100, "save_every": 1000, "hidden_dropout": 0.0},
        jit_compile=True,
        attention_dropout=0.0,
    )
    with heed(lines.append):
        report = pretrain(config)
    first, *_, last = log_of(tmp_path / "run")
    assert last["mlm_loss"] < first["mlm_loss"] / 2
    assert last["loss"] < first["loss"]
    # A discriminator that says "original" of every piece is right this often.
    assert last["discriminator_accuracy"] > 1 - last["replaced"] + 0.01
    assert last["discriminator_auc"] > 0.8
    assert report["step"] == 1000
    assert any(line.startswith("step 1000/1000  loss ") for line in lines)


@pytest.mark.slow
def test_a_masked_language_model_learns_and_is_a_bert(
    make_pretraining: Make, tmp_path: Path
) -> None:
    config = make_pretraining(tmp_path / "run", objective="mlm", steps=60, log_every=30)
    report = pretrain(config)
    first, last = log_of(tmp_path / "run")
    assert last["mlm_loss"] < first["mlm_loss"]
    assert not any(name.startswith("discriminator") for name in last)
    assert report["masked_lm"] == report["encoder"]
    assert load_encoder(report["encoder"]).family == "bert"


def test_the_encoder_is_the_discriminator_of_the_last_checkpoint(
    finished: Path, pretraining_rows: Path
) -> None:
    encoder = load_encoder(finished / "encoder")
    assert encoder.family == "electra"
    assert encoder.hidden_size == 32
    stored = weights(finished, 6)
    for found, array in zip(encoder.weights, stored, strict=False):
        np.testing.assert_array_equal(found.numpy(), array)
    own = load_tokenizer(pretraining_rows / "tokenizer")
    for name in ("encoder", "generator", "google"):
        copy = load_tokenizer(finished / name)
        text = "anna lives in Paris"
        assert copy.encode(text).ids.tolist() == own.encode(text).ids.tolist()


@pytest.mark.parity
@pytest.mark.torch
def test_transformers_loads_model_and_tokenizer_as_they_are(finished: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    import transformers

    text = "anna lives in Paris"
    theirs = transformers.AutoTokenizer.from_pretrained(finished / "encoder")
    ids = theirs(text)["input_ids"]
    encoder = load_encoder(finished / "encoder")
    own = load_tokenizer(finished / "encoder")
    assert ids == [*own.prefix_ids, *own.encode(text).ids, *own.suffix_ids]
    model = transformers.ElectraModel.from_pretrained(finished / "encoder").eval()
    rows = np.array([ids], "int32")
    with torch.no_grad():
        wanted = model(torch.tensor(rows).long()).last_hidden_state.numpy()
    found = encoder({"input_ids": rows, "attention_mask": np.ones_like(rows)})
    assert np.abs(np.asarray(found) - wanted).max() < 2e-5


@pytest.mark.slow
def test_a_resumed_run_passes_over_a_damaged_checkpoint_and_ends_the_same(
    make_pretraining: Make, finished: Path, tmp_path: Path, heed: Any
) -> None:
    broken = tmp_path / "run"
    shutil.copytree(finished, broken)
    newest = NumberedCheckpoints(broken / "checkpoints").path(6)
    newest.write_bytes(newest.read_bytes()[:-2000])
    lines: list[str] = []
    with heed(lines.append):
        pretrain(make_pretraining(broken, resume=True))
    assert any("step-00000006.npz is damaged" in line for line in lines)
    assert "resumed after step 4" in lines
    assert_same_weights(finished, broken, 6)
    assert [line["step"] for line in log_of(broken)] == [3, 6]


@pytest.mark.slow
def test_a_run_that_ended_before_its_curves_draws_them_when_it_is_resumed(
    make_pretraining: Make, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    drawn = (run / "curves.svg").read_bytes()
    for name in ("curves.svg", "curves.png"):
        (run / name).unlink()
    pretrain(make_pretraining(run, resume=True))
    assert (run / "curves.svg").read_bytes() == drawn
    assert (run / "curves.png").is_file()


def test_a_run_of_damaged_checkpoints_alone_says_so(
    make_pretraining: Make, finished: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "run"
    shutil.copytree(finished, broken)
    for path in (broken / "checkpoints").iterdir():
        path.write_bytes(b"PK")
    assert "3 damaged checkpoints" in failure(make_pretraining(broken, resume=True))


def start(config: PretrainConfig, mode: str, code: str = RUN) -> subprocess.Popen[str]:
    """A run in a process of its own, `new` or `resume`."""
    path = Path(f"{config.saving.output}.toml")
    path.write_text(config.to_toml())
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), mode],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_sigterm_saves_and_the_run_goes_on_from_there(
    make_pretraining: Make, finished: Path, tmp_path: Path
) -> None:
    config = make_pretraining(tmp_path / "run")
    stopped = start(config, "new", TERMINATED)
    output, _ = stopped.communicate()
    assert stopped.returncode == 1, output
    assert "stopped as asked after step 4; all is saved" in output
    pretrain(config.replace(resume=True))
    assert_same_weights(finished, tmp_path / "run", 6)


@pytest.mark.slow
def test_a_killed_run_ends_as_an_uninterrupted_one(
    make_pretraining: Make, tmp_path: Path
) -> None:
    settings = {"steps": 30, "save_every": 3, "log_every": 5, "jit_compile": True}
    whole = make_pretraining(tmp_path / "whole", **settings)
    killed = whole.replace(output=str(tmp_path / "killed"))
    start(whole, "new").communicate()
    process = start(killed, "new")
    checkpoints = NumberedCheckpoints(tmp_path / "killed" / "checkpoints")
    deadline = time.monotonic() + 240
    while not checkpoints.steps() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert checkpoints.steps()
    assert checkpoints.steps()[-1] < 30, "the run was over before it was killed"
    output, _ = start(killed, "resume").communicate()
    assert "resumed after step" in output
    assert_same_weights(tmp_path / "whole", tmp_path / "killed", 30)


@pytest.mark.slow
def test_two_devices_go_on_where_one_stopped_and_learn_as_it_does(
    make_pretraining: Make, finished: Path, tmp_path: Path
) -> None:
    config = make_pretraining(tmp_path / "two", strategy="mirrored", steps=8)
    shutil.copytree(finished, tmp_path / "two")
    output, _ = start(config, "resume", ON_TWO_PROCESSORS).communicate()
    assert "mirrored: 2 replicas" in output
    assert "resumed after step 6" in output
    pretrain(make_pretraining(tmp_path / "one", steps=8))
    (*_, found), (*_, wanted) = log_of(tmp_path / "two"), log_of(tmp_path / "one")
    # What is hidden differs, what is counted does not.
    for name in ("loss", "mlm_loss", "discriminator_loss", "replaced"):
        assert found[name] == pytest.approx(wanted[name], rel=0.1)


@pytest.mark.slow
def test_more_steps_go_on_and_say_what_becomes_of_the_learning_rate(
    make_pretraining: Make, finished: Path, tmp_path: Path, heed: Any
) -> None:
    longer = tmp_path / "run"
    shutil.copytree(finished, longer)
    lines: list[str] = []
    with heed(lines.append):
        report = pretrain(make_pretraining(longer, resume=True, steps=8))
    (said,) = (line for line in lines if "schedule has changed" in line)
    assert "it was 6 steps (1 of warm-up, at most 0.001), it is 8 (1, 0.001)" in said
    assert "of step 6 is 0.000286 instead of 0, and reaches 0 at step 8" in said
    assert report["step"] == 8
    assert [line["step"] for line in log_of(longer)] == [3, 6, 8]


def test_a_checkpoint_with_the_names_of_earlier_settings_goes_on(
    make_pretraining: Make, finished: Path, tmp_path: Path, heed: Any
) -> None:
    """As commit e8b7cf5 wrote it: a share of warm-up, checkpoints kept."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    checkpoints = NumberedCheckpoints(run / "checkpoints")
    _, arrays, about = checkpoints.load(6)
    config = about["config"] | {"warmup": 0.1, "keep": 5}
    for name in ("warmup_ratio", "warmup_steps", "keep_checkpoints"):
        del config[name]
    checkpoints.save(6, arrays, about | {"config": config})
    lines: list[str] = []
    with heed(lines.append):
        report = pretrain(make_pretraining(run, resume=True))
    assert report["step"] == 6
    assert "resumed after step 6" in lines
    assert not any("schedule has changed" in line for line in lines)


def test_curves_hold_what_the_log_holds(finished: Path) -> None:
    (file,) = (finished / "tensorboard").iterdir()
    found: dict[int, dict[str, float]] = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found.setdefault(event.step, {})[value.tag] = value.simple_value
    for line in log_of(finished):
        assert found[int(line.pop("step"))] == pytest.approx(line, rel=1e-6)
    assert "discriminator_auc" in found[6]
    assert found[6]["tokens_per_second"] > 0


@pytest.mark.slow
def test_a_run_is_a_function_of_its_seed(
    make_pretraining: Make, finished: Path, tmp_path: Path
) -> None:
    pretrain(make_pretraining(tmp_path / "same"))
    assert_same_weights(finished, tmp_path / "same", 6)


@pytest.mark.parametrize(
    "precision",
    ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)],
)
@pytest.mark.slow
def test_parts_in_low_precision_count_as_the_whole_in_float32(
    make_pretraining: Make, finished: Path, tmp_path: Path, precision: str
) -> None:
    config = make_pretraining(
        tmp_path / "run", precision=precision, recompute=True, accumulate=4
    )
    report = pretrain(config)
    for one, other in zip(log_of(tmp_path / "run"), log_of(finished), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.05)
        assert one["mlm_loss"] == pytest.approx(other["mlm_loss"], rel=0.05)
    assert load_encoder(report["encoder"]).weights[0].dtype == "float32"


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_run(
    make_pretraining: Make, tmp_path: Path
) -> None:
    config = make_pretraining(
        tmp_path / "run", learning_rate=1e20, clip_norm=0.0, steps=40
    )
    message = failure(config)
    assert "no longer" in message
    assert "Lower --learning-rate" in message


def test_other_settings_do_not_resume_a_run(
    make_pretraining: Make, finished: Path
) -> None:
    before = (finished / "run.toml").read_text()
    message = failure(make_pretraining(finished, resume=True, mask_rate=0.25, seed=3))
    assert (finished / "run.toml").read_text() == before
    assert "mask_rate was 0.15, is 0.25" in message
    assert "seed was 0, is 3" in message


def test_fewer_steps_than_were_taken_are_refused(
    make_pretraining: Make, finished: Path
) -> None:
    assert "has 6 steps already" in failure(
        make_pretraining(finished, resume=True, steps=5)
    )


def test_a_finished_run_is_not_replaced_silently(
    make_pretraining: Make, finished: Path
) -> None:
    message = failure(make_pretraining(finished))
    assert "--resume" in message
    assert "--overwrite" in message


def test_steps_that_are_taken_together_divide_those_that_are_left(
    make_pretraining: Make, finished: Path, tmp_path: Path
) -> None:
    longer = tmp_path / "run"
    shutil.copytree(finished, longer)
    config = make_pretraining(longer, resume=True, steps=9, steps_per_execution=2)
    assert "3 steps are to be taken, 2 at once" in failure(config)
