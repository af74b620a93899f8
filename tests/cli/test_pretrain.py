"""`tfner pretrain`: its flags, its result, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfner.config.pretrain import PRETRAIN_PRESETS, PretrainConfig
from tfner.pretraining import run as pretrainer

RUN = [
    *("--preset", "tiny", "--num-layers", "1", "--batch-size", "8", "--steps", "4"),
    *("--save-every", "2", "--log-every", "2", "--no-jit-compile"),
]


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[PretrainConfig]:
    """Collects the settings of runs that are then not made."""
    configs: list[PretrainConfig] = []

    def run(config: PretrainConfig, **more: Any) -> dict[str, Any]:
        configs.append(config)
        return {"encoder": "e", "masked_lm": "m"}

    monkeypatch.setattr(pretrainer, "pretrain", run)
    return configs


def test_every_setting_has_a_flag(tfner) -> None:
    shown = tfner("pretrain", "--help").out
    for leaf in PretrainConfig.leaves().values():
        assert leaf.option in shown


@pytest.mark.parametrize(
    ("flags", "saves", "advice"),
    [
        ([], False, " The same command with --resume goes on after the last save."),
        (["--overwrite"], False, ""),
        (
            ["--overwrite"],
            True,
            " The same command with --resume in place of --overwrite goes on after the "
            "last save.",
        ),
    ],
)
def test_ctrl_c_advises_to_resume_what_was_saved(
    tfner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags, saves, advice
) -> None:
    output = tmp_path / "run"
    output.mkdir()

    def interrupted(config: PretrainConfig) -> None:
        if saves:
            (tmp_path / "new").mkdir()
            (tmp_path / "new").replace(output)
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrainer, "pretrain", interrupted)
    result = tfner("pretrain", "--data", "d", "--output", str(output), *flags)
    assert result.code == 130
    assert result.err.splitlines()[-1] == f"interrupted.{advice}"


@pytest.mark.parametrize("preset", PRETRAIN_PRESETS)
def test_a_preset_sets_all_sizes_and_yields_to_flags(
    tfner, chosen: list[PretrainConfig], preset: str
) -> None:
    flags = f"--data d --output o --preset {preset} --steps 7"
    assert tfner("pretrain", *flags.split()).code == 0
    (config,) = chosen
    wanted = PRETRAIN_PRESETS[preset] | {"steps": 7}
    assert config.to_json() | wanted == config.to_json()


def test_published_sizes() -> None:
    """Widths of the generators and the sizes of the paper's table 6."""
    found = {
        name: PretrainConfig(data="d", output="o", **settings)
        for name, settings in PRETRAIN_PRESETS.items()
    }
    widths = [
        (found[n].model.generator_width, found[n].model.generator_heads)
        for n in ("small", "base", "large")
    ]
    assert widths == [(64, 1), (256, 4), (256, 4)]
    assert all(
        found[n].optimizer.warmup_steps == 10_000 for n in ("small", "base", "large")
    )
    assert PretrainConfig(data="d", output="o") == found["small"]


def test_settings_come_from_a_file_too(
    tfner, chosen: list[PretrainConfig], tmp_path: Path
) -> None:
    config = PretrainConfig(data="d", output="o", objective="mlm", steps=9)
    (tmp_path / "run.toml").write_text(config.to_toml())
    arguments = ["--config", str(tmp_path / "run.toml"), "--set", "training.seed=3"]
    assert tfner("pretrain", *arguments).code == 0
    assert chosen == [config.replace(seed=3)]


def test_all_that_is_wrong_is_said_at_once(tfner) -> None:
    result = tfner("pretrain", "--steps", "0", "--mask-rate", "2", "--preset", "tny")
    assert result.code == 1
    assert "unknown `preset` 'tny'" in result.err
    assert "`steps` must be at least 1" in result.err
    assert "`mask_rate` must be" in result.err


@pytest.mark.slow
def test_a_run_from_data_to_an_encoder_that_tagging_starts_from(
    tfner, pretraining_rows: Path, toy_corpus: Path, tmp_path: Path
) -> None:
    data = ["--data", str(pretraining_rows), "--output", str(tmp_path / "run")]
    result = tfner("pretrain", *data, *RUN, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["encoder"] == str(tmp_path / "run" / "encoder")
    assert found["step"] == 4
    assert "step 4/4  loss" in result.err
    train = ["--train", str(toy_corpus / "train.conll"), "--encoder", found["encoder"]]
    settings = ["--max-length", "32", "--epochs", "1", "--no-jit-compile"]
    tagged = tfner("train", *train, "--output", str(tmp_path / "model"), *settings)
    assert tagged.code == 0, tagged.err

    kept = tfner("pretrain", "--output", str(tmp_path / "run"), "--export-step", "2")
    assert kept.code == 0, kept.err
    for name in ("encoder-2", "generator-2", "google-2"):
        assert (tmp_path / "run" / name / "config.json").is_file()
    gone = tfner("pretrain", "--output", str(tmp_path / "run"), "--export-step", "3")
    assert gone.code == 1
    assert "no checkpoint of step 3. Kept: 2, 4." in gone.err


def test_data_that_are_none_are_named(tfner, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path), "--output", str(tmp_path / "run")]
    result = tfner("pretrain", *data, *RUN)
    assert result.code == 1
    assert "dataset.json" in result.err
    assert not (tmp_path / "run").exists()


def test_a_vocabulary_without_mask_is_refused_when_data_are_made(
    tfner, pretraining_rows: Path, tmp_path: Path
) -> None:
    pieces = (pretraining_rows / "tokenizer" / "vocab.txt").read_text("utf-8")
    (tmp_path / "vocab.txt").write_text(pieces.replace("[MASK]\n", ""), "utf-8")
    (tmp_path / "text.txt").write_text("anna lives in paris\n", "utf-8")
    result = tfner(
        *("pretrain-data", "--input", str(tmp_path / "text.txt")),
        *("--tokenizer", str(tmp_path), "--output", str(tmp_path / "rows")),
    )
    assert result.code == 1
    assert "[MASK]" in result.err
