"""`tfner export` writes what it says, and says where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from tfner.cli.export import command
from tfner.errors import BundleError, ConfigError, ExportError

if TYPE_CHECKING:
    from tfner.inference.bundle import Bundle

app = typer.Typer()
app.command()(command)


def export(*words: object) -> str:
    result = CliRunner().invoke(
        app, [str(word) for word in words], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_saved_model_is_published_and_announced(
    tmp_path: Path, bundle: Bundle
) -> None:
    out = export(
        *(
            bundle.directory,
            tmp_path,
            "--task-name",
            "ner",
            "--max-length",
            32,
            "--json",
        )
    )
    record = json.loads(out)
    assert set(record) == {"saved_model", "signatures", "max_abs_difference"}
    version = Path(record["saved_model"])
    assert version.parent == tmp_path / "ner"
    assert (version / "saved_model.pb").is_file()
    assert (version / "ner_label_mapping.pkl").is_file()
    assert record["signatures"][0] == "serving_default"


def test_a_hugging_face_directory_replaces_another_only_on_request(
    tmp_path: Path, bundle: Bundle
) -> None:
    out, kind = tmp_path / "out", ("--format", "huggingface")
    record = json.loads(export(bundle.directory, out, *kind, "--json"))
    assert record == {"huggingface": str(out)}
    assert (out / "model.safetensors").is_file()
    with pytest.raises(ConfigError, match="--overwrite"):
        export(bundle.directory, out, *kind)
    (out / "left").write_text("over", encoding="utf-8")
    assert export(bundle.directory, out, *kind, "--overwrite") == ""
    assert not (out / "left").exists()


def test_a_checkpoint_for_google_research_has_the_task_that_was_named(
    tmp_path: Path, bundle: Bundle
) -> None:
    import tensorflow as tf

    out = tmp_path / "out"
    arguments = (bundle.directory, out, "--format", "google", "--task-name", "ner")
    assert json.loads(export(*arguments, "--json")) == {"google": str(out)}
    names = dict(tf.train.list_variables(str(out)))
    assert names["task_specific/ner/dense/kernel"] == [32, len(bundle.label_set.tags)]
    with pytest.raises(ConfigError, match="--overwrite"):
        export(*arguments)


def test_a_length_beyond_the_encoders_positions_is_an_error(
    tmp_path: Path, bundle: Bundle
) -> None:
    with pytest.raises(ExportError, match="Use --max-length 64 or less"):
        export(bundle.directory, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_saved_model_is_no_source(tmp_path: Path, saved_model: Path) -> None:
    with pytest.raises(BundleError, match="Give the bundle"):
        export(saved_model, tmp_path)
