"""`tfner export` writes what it says, and says where."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tfner_export.formats import FORMATS, Format

if TYPE_CHECKING:
    from tfner_export.exporter import Source


@pytest.mark.slow
def test_a_saved_model_is_published_and_announced(
    tfner, toy_bundle: Path, tmp_path: Path
) -> None:
    settings = ("--task-name", "ner", "--max-length", 32)
    result = tfner("export", toy_bundle, tmp_path, *settings, "--json")
    assert result.code == 0, result.err
    record = json.loads(result.out)
    assert set(record) == {
        "saved_model",
        "signatures",
        "max_rows",
        "server_memory_mib",
        "oldest_server",
        "max_abs_difference",
    }
    version = Path(record["saved_model"])
    assert version.parent == tmp_path / "ner"
    assert (version / "saved_model.pb").is_file()
    assert (version / "ner_label_mapping.pkl").is_file()
    assert record["signatures"][0] == "serving_default"
    names = ", ".join(record["signatures"])
    assert f"published {version}\nsignatures {names}\n" in result.err


def test_a_hugging_face_directory_replaces_another_only_on_request(
    tfner, toy_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export = ("export", toy_bundle, out, "--format", "huggingface")
    record = json.loads(tfner(*export, "--json").out)
    assert record == {"huggingface": str(out), "max_abs_difference": 0.0}
    assert (out / "model.safetensors").is_file()
    assert "--overwrite" in tfner(*export).sentence
    (out / "left").write_text("over", encoding="utf-8")
    again = tfner(*export, "--overwrite")
    assert (again.code, again.out) == (0, "")
    assert not (out / "left").exists()


@pytest.mark.parametrize("export_format", ["huggingface", "google"])
def test_no_export_takes_the_place_of_a_bundle(
    tfner, toy_bundle: Path, tmp_path: Path, export_format: str
) -> None:
    bundle = tmp_path / "model"
    shutil.copytree(toy_bundle, bundle)
    export = ("export", bundle, bundle, "--format", export_format, "--overwrite")
    assert f"{bundle} exists and is no export" in tfner(*export).sentence
    assert tfner("predict", bundle, "--text", "Rust").code == 0


def test_a_checkpoint_for_google_research_has_the_task_that_was_named(
    tfner, toy_bundle: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    out = tmp_path / "out"
    export = ("export", toy_bundle, out, "--format", "google", "--task-name", "ner")
    record = json.loads(tfner(*export, "--json").out)
    assert record == {"google": str(out), "max_abs_difference": 0.0}
    names = dict(tf.train.list_variables(str(out)))
    assert "task_specific/ner/dense/kernel" in names
    assert "--overwrite" in tfner(*export).sentence
    assert tfner(*export, "--overwrite").code == 0


def test_a_length_beyond_the_encoders_positions_is_an_error(
    tfner, toy_bundle: Path, tmp_path: Path
) -> None:
    result = tfner("export", toy_bundle, tmp_path / "out", "--max-length", 60_000)
    assert "or less" in result.sentence
    assert not (tmp_path / "out").exists()


def test_a_saved_model_is_no_source(tfner, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert "Give the bundle" in tfner("export", tmp_path, tmp_path / "out").sentence


def test_an_unknown_format_is_an_error_that_lists_the_known(tfner) -> None:
    found = tfner("export", "model", "out", "--format", "hugingface").sentence
    assert "did you mean 'huggingface'" in found


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A format of one module and one line: the tags of a model, one a line."""

    def write(source: Source, stage: Path) -> dict[str, Any]:
        tags = source.bundle.task.label_set.tags
        (stage / "tags.txt").write_text("\n".join(tags), "utf-8")
        return {"tags": len(tags)}

    module = SimpleNamespace(
        check=lambda source: None, write=write, compare=lambda source, stage: 0.0
    )
    monkeypatch.setitem(sys.modules, "toy_format", module)
    monkeypatch.setitem(FORMATS, "toy-tags", Format("toy_format", "nobody"))
    return module


def test_a_new_format_is_one_module_and_one_line(
    tfner, toy, toy_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = tfner("export", toy_bundle, out, "--format", "toy-tags", "--json")
    assert result.code == 0, result.err
    tags = (out / "tags.txt").read_text("utf-8").split("\n")
    assert json.loads(result.out) == {
        "toy_tags": str(out),
        "tags": len(tags),
        "max_abs_difference": 0.0,
    }
    assert tags[0] == "O"
    assert "--overwrite" in tfner("export", toy_bundle, out, "--format", "toy-tags").err


def test_what_a_format_refuses_or_does_not_find_equal_is_not_published(
    tfner, toy, toy_bundle: Path, tmp_path: Path
) -> None:
    from tfner.errors import ExportError

    def refuse(*_: Any) -> Any:
        raise ExportError("not for sale")

    for step in ("compare", "check"):
        setattr(toy, step, refuse)
        result = tfner("export", toy_bundle, tmp_path / "out", "--format", "toy-tags")
        assert result.sentence == "not for sale"
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_vocabulary_is_trimmed_to_a_corpus_or_a_number(
    tfner, toy_bundle: Path, toy_corpus: Path, tmp_path: Path
) -> None:
    export = ("export", toy_bundle, "--format", "huggingface", "--json")
    trim = ("--trim-vocabulary", toy_corpus / "train.conll")
    dev = ("--dev", toy_corpus / "dev.conll")
    result = tfner(*export, tmp_path / "corpus", *trim, *dev)
    assert result.code == 0, result.err
    found = json.loads(result.out)["vocabulary"]
    assert found["pieces"] < found["of"]
    assert found["texts"] == found["kept_texts"] == found["equal_kept"] == 12
    assert found["f1"] == found["f1_before"] > 0
    assert "12 of 12 texts all of whose pieces are kept" in result.err
    assert "unknown pieces 0" in result.err
    result = tfner(*export, tmp_path / "number", "--trim-vocabulary", 100)
    assert json.loads(result.out)["vocabulary"]["pieces"] == 100


@pytest.mark.slow
def test_a_vocabulary_that_cannot_be_trimmed_so_is_one_sentence(
    tfner, toy_bundle: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n\n", encoding="utf-8")
    sentences = {
        empty: "the file is empty",
        "3": "Received: 3 to be kept",
        "100000": "Received: 100000",
        tmp_path / "absent.bio": "absent.bio",
    }
    for value, sentence in sentences.items():
        command = ("export", toy_bundle, tmp_path / "out", "--trim-vocabulary", value)
        assert sentence in tfner(*command).sentence
        assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_dev_corpus_without_entities_is_one_sentence(
    tfner, toy_bundle: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("anna met bert\n", encoding="utf-8")
    export = ("export", toy_bundle, tmp_path / "out", "--dev", lines)
    assert "holds no entities" in tfner(*export).sentence
    assert "entities, by --dev" in tfner(*export, "--max-f1-loss", 1).sentence
    assert [path.name for path in tmp_path.iterdir()] == ["lines.txt"]


@pytest.mark.slow
def test_a_graph_of_fewer_digits_is_scored_beside_its_model(
    tfner, toy_bundle: Path, toy_corpus: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    out, dev = tmp_path / "out", toy_corpus / "dev.conll"
    flags = ("--format", "onnx", "--precision", "int8", "--calibrate", dev)
    result = tfner("export", toy_bundle, out, *flags, "--dev", dev, "--json")
    assert result.code == 0, result.err
    record = json.loads(result.out)
    scores = json.loads(tfner("evaluate", out, dev, "--json").out)
    assert record["f1_after"] == scores.get("on_corpus_words", scores)["f1"]
    assert f"F1 on the dev corpus {100 * record['f1_after']:.2f}" in result.err
    assert f"{record['mebibytes']:.1f} MiB" in result.err
