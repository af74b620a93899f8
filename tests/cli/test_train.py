"""`tfner train`: its flags, what it prints, and what it refuses."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import flags_of, instead
from tfner.cli.train import summary
from tfner.config.train import TrainConfig
from tfner.finetuning import train as trainer
from tfner.inference.bundle import Bundle


@pytest.fixture
def needed(toy_settings: dict[str, Any], tmp_path: Path) -> list[str]:
    """The flags of a short run into `tmp_path / "model"`."""
    return flags_of(toy_settings | {"output": tmp_path / "model"})


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """Collects the settings of runs that are then not made."""
    configs: list[TrainConfig] = []

    def run(config: TrainConfig, **more: Any) -> dict[str, Any]:
        configs.append(config)
        return {
            "bundle": "b",
            "dev": None,
            "test": None,
            "trials": [],
            "summary": {},
            "train_sentences_per_second": 1.0,
        }

    monkeypatch.setattr(trainer, "run_trials", run)
    return configs


def test_every_setting_has_a_flag(tfner) -> None:
    shown = tfner("train", "--help").out
    for leaf in TrainConfig.leaves().values():
        assert leaf.option in shown


def test_flags_become_settings(tfner, needed, chosen) -> None:
    flags = "--no-lower-case --labels A,C --labels B --dev-fraction 0 --limit 3"
    assert tfner("train", *needed, *flags.split()).code == 0
    (config,) = chosen
    assert config.tokenizer.lower_case is False
    assert config.task.labels == ("A", "C", "B")
    assert (config.data.dev_fraction, config.data.limit, config.optimizer.epochs) == (
        0.0,
        3,
        2,
    )
    assert config.devices.jit_compile is False


def test_flags_and_set_win_over_the_file(tfner, needed, chosen, tmp_path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[training]\nseed = 1\nclip_norm = 1.5\nweight_decay = 0.5\n")
    more = ["--set", "training.clip_norm=2.5"]
    result = tfner("train", "--config", file, *more, "--seed", 3, *needed)
    assert result.code == 0, result.err
    (config,) = chosen
    assert (
        config.optimizer.seed,
        config.optimizer.clip_norm,
        config.optimizer.weight_decay,
    ) == (3, 2.5, 0.5)


@pytest.mark.slow
def test_json_is_one_document_and_all_of_stdout(tfner, needed, toy_corpus) -> None:
    result = tfner("train", *needed, "--test", toy_corpus / "test.conll", "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert set(report) == {
        *("bundle", "dev", "test", "trials", "summary", "filled_positions"),
        *("train_sentences_per_second", "compile_seconds"),
    }
    assert Bundle.load(report["bundle"]).metrics["test"]["f1"] == report["test"]["f1"]
    for line in ("60 training, 12 dev, 12 test sentences", "epoch 2/2", "best epoch"):
        assert line in result.err


def test_people_get_a_line_a_trial_and_their_mean() -> None:
    interval = {"low": 0.25, "high": 0.75, "level": 0.95}
    score = {"precision": 0.25, "recall": 1.0, "support": 7, "interval": interval}
    report = {
        "bundle": "model/seed-1",
        "trials": [
            {"seed": 0, "dev": {**score, "f1": 0.3}, "test": None},
            {"seed": 1, "dev": {**score, "f1": 0.5}, "test": None},
        ],
        "summary": {"dev": {"mean": 0.4, "sd": 0.1}},
        "train_sentences_per_second": 12.3,
    }
    rest = "(95% interval 0.2500 to 0.7500)  precision 0.2500  recall 1.0000  "
    assert summary(report).splitlines() == [
        f"dev  seed 0  F1 0.3000 {rest}entities 7",
        f"dev  seed 1  F1 0.5000 {rest}entities 7",
        "dev  mean F1 0.4000, standard deviation 0.1000 over 2 seeds",
        "12 training sentences a second, compilation included",
        "model: model/seed-1",
    ]


def test_a_preset_sets_what_is_not_set(tfner, needed, monkeypatch) -> None:
    chosen: list[TrainConfig] = []

    def remember(config: TrainConfig, **more: Any) -> Any:
        chosen.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "run_trials", remember)
    result = tfner(
        "train", *needed, "--preset", "electra-large", "--warmup-ratio", 0.25
    )
    assert result.code == 130, result.err
    (config,) = chosen
    assert config.optimizer.warmup_ratio == 0.25
    assert (config.optimizer.layerwise_lr_decay, config.optimizer.bias_correction) == (
        0.9,
        False,
    )


@pytest.mark.slow
def test_a_report_is_written_of_the_best_model(tfner, needed, tmp_path) -> None:
    place = tmp_path / "report"
    result = tfner("train", *needed, "--report", place)
    assert result.code == 0, result.err
    found = json.loads((place / "metrics.json").read_text("utf-8"))
    dev = Bundle.load(tmp_path / "model").metrics["dev"]
    assert (found["f1"], found["support"]) == (dev["f1"], dev["support"])
    assert "on " in (place / "report.html").read_text("utf-8")
    assert "exists" in tfner("train", *needed, "--report", place).sentence


def test_ctrl_c_says_how_to_go_on(tfner, needed, monkeypatch) -> None:
    def interrupted(*arguments: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "run_trials", interrupted)
    result = tfner("train", *needed)
    assert (result.code, result.out) == (130, "")
    assert result.err.splitlines()[-1].startswith("interrupted. The same command with")
    assert "--resume" in result.err


@pytest.mark.slow
def test_ctrl_c_ends_a_real_run_that_can_then_be_resumed(
    process, needed, tmp_path
) -> None:
    for more, line_before in ([], "epoch 3/"), (["--resume"], "resumed after epoch"):
        with process("train", *instead(needed, "--epochs", 200), *more) as child:
            assert any(line.startswith(line_before) for line in child.stderr)
            child.send_signal(signal.SIGINT)
            err = child.stderr.read()
        assert child.returncode == 130
        assert "Traceback" not in err
        assert "--resume" in err
        assert not (tmp_path / "model").exists()


def columns(folder: Path, content: str | bytes) -> str:
    path = folder / "bad.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("flag", "content", "message"),
    [
        ("--train", b"", "bad.conll"),
        ("--train", b"a\tB-X\n\n\xe9\tO\n", "bad.conll:3: not UTF-8"),
        ("--train", "a\tO\n\nb\tO\n", "no document holds an entity"),
        ("--train", "a\tB-X\n\nb\n", "bad.conll:3"),
        ("--dev", "a\tB-EVENT\n", "EVENT"),
        ("--test", "a\tB-EVENT\n", "EVENT"),
    ],
)
def test_bad_corpora_are_refused(
    tfner, needed, tmp_path, flag, content, message
) -> None:
    path = columns(tmp_path, content)
    assert message in tfner("train", *instead(needed, flag, path)).sentence
    assert [p.name for p in tmp_path.iterdir()] == ["bad.conll"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--train", "no.conll"], "no.conll: cannot be read: No such file"),
        (["--train", "/usr/bin"], "/usr/bin: this directory holds no corpus"),
        (["--dev", "{dev}", "--test", "{dev}"], "hold the same texts"),
        (["--from-scheme", "IOE2"], "contradicts the scheme IOE2"),
        (["--max-length", "65"], "the encoder has 64 positions"),
        (["--max-length", "3", "--on-overflow", "error"], "a window holds 1"),
        (["--layout", "paked"], "did you mean 'packed'"),
        (["--epochs", "0"], "`epochs` must be at least 1"),
        (["--encoder", "./nowhere"], "nowhere"),
        (["--config", "no.toml"], "no.toml cannot be read"),
        (["--output", "/proc/model"], "/proc/model.training: cannot be written"),
        (["--output", "{dev}"], "is no model"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    tfner, needed, toy_corpus, tmp_path, flags, message
) -> None:
    dev = str(toy_corpus / "dev.conll")
    given = (flag.format(dev=dev) for flag in flags)
    result = tfner("train", *instead(needed, *given))
    assert message in result.sentence
    assert list(tmp_path.iterdir()) == []


def damaged_encoder(kind: str, source: Path, folder: Path) -> Path:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    shutil.copytree(source, folder)
    weights = folder / "model.safetensors"
    if kind == "without weights":
        weights.unlink()
    elif kind == "truncated":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif kind == "without config":
        (folder / "config.json").unlink()
    elif kind == "wrong shape":
        tensors = load_file(weights)
        name = "embeddings.LayerNorm.weight"
        save_file(tensors | {name: np.ones(31, "float32")}, weights)
    else:
        for name in ("tokenizer.json", "vocab.txt"):
            (folder / name).unlink()
        size = json.loads((folder / "config.json").read_text())["vocab_size"]
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        pieces += [f"piece{n}" for n in range(size)]
        (folder / "vocab.txt").write_text("\n".join(pieces))
    return folder


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("without weights", "model.safetensors"),
        ("truncated", "model.safetensors"),
        ("without config", "config.json"),
        ("wrong shape", "embeddings.LayerNorm.weight has shape (31,)"),
        ("vocabulary too large", "pieces, the encoder knows"),
    ],
)
def test_damaged_encoders_are_refused(
    tfner, needed, encoder_directory, tmp_path, kind, message
) -> None:
    folder = damaged_encoder(kind, encoder_directory, tmp_path / "encoder")
    assert message in tfner("train", *instead(needed, "--encoder", folder)).sentence
    assert [p.name for p in tmp_path.iterdir()] == ["encoder"]


@pytest.mark.slow
def test_words_longer_than_a_window_are_learnt_in_pieces(
    tfner, needed, tmp_path
) -> None:
    path = columns(tmp_path, f"{'q' * 90}\tB-PER\nlives\tO\n\nanna\tB-PER\n")
    more = ["--train", path, "--labels", "PER", "--labels", "LOC", "--labels", "ORG"]
    result = tfner("--quiet", "train", *instead(needed, *more, "--epochs", 1))
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == f"model: {tmp_path / 'model'}"
    shutil.rmtree(tmp_path / "model")
    refused = tfner("train", *instead(needed, *more, "--on-overflow", "error"))
    assert "a window holds 30" in refused.sentence


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_no_half_model(real, needed, tmp_path) -> None:
    """A limit on the size of files stands for the full disk."""
    for kilobytes in (40, 150):
        result = real("train", *needed, shell=f'ulimit -f {kilobytes}; "$0" "$@"')
        assert "cannot be written" in result.sentence
        assert not (tmp_path / "model").exists()
        assert not list(tmp_path.rglob(".*"))
        shutil.rmtree(tmp_path / "model.training", ignore_errors=True)
