"""Data sets of Hugging Face: the same counts as `datasets` has, split by split."""

from __future__ import annotations

import contextlib
import json
import sys

import pytest
from typer.testing import CliRunner

from tfner.cli.main import app
from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.document import Entity
from tfner.errors import ConfigError, CorpusError, StorageError

datasets = pytest.importorskip("datasets")
Value, ClassLabel, List = datasets.Value, datasets.ClassLabel, datasets.List

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
FEATURES = datasets.Features(
    {
        "id": Value("string"),
        "tokens": List(Value("string")),
        "pos_tags": List(ClassLabel(names=["N", "V"])),
        "ner_tags": List(ClassLabel(names=NAMES)),
    }
)
ROWS = {
    "id": ["a", "b"],
    "tokens": [["Mira", "Sol", "flew"], ["Oslo", "sleeps"]],
    "pos_tags": [[0, 0, 1], [0, 1]],
    "ner_tags": [[1, 2, 0], [3, 0]],
}


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()


@pytest.fixture
def rows():
    return datasets.Dataset.from_dict(ROWS, features=FEATURES)


@pytest.fixture
def saved(rows, tmp_path):
    parts = {"train": rows, "test": rows.select([1])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    return tmp_path / "set"


@pytest.fixture
def parquet(rows, tmp_path):
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    rows.to_parquet(folder / "train-00000-of-00002.parquet")
    rows.to_parquet(folder / "train-00001-of-00002.parquet")
    rows.select([1]).to_parquet(folder / "validation-00000-of-00001.parquet")
    return tmp_path / "hub"


def surfaces(documents):
    return [(d.surface(e), e.label) for d in documents for e in d.entities]


def test_a_split_of_a_saved_data_set_is_read_with_its_names(saved):
    assert find_format(f"{saved}#train") == find_format(saved / "train")
    documents = list(read_corpus(f"{saved}#train"))
    assert [d.id for d in documents] == ["a", "b"]
    assert documents[0].text == "Mira Sol flew"
    assert documents[0].tags == ("B-PER", "I-PER", "O")
    assert documents[0].metadata["pos_tags"] == ["N", "N", "V"]
    assert surfaces(documents) == [("Mira Sol", "PER"), ("Oslo", "LOC")]
    assert list(read_corpus(saved / "train")) == documents
    assert surfaces(read_corpus(f"{saved}#test")) == [("Oslo", "LOC")]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("set", "it has several splits. Known: train, test. Name one, as in"),
        ("set#dev", "there is no split 'dev'. Known: train, test"),
        ("set/train#dev", "this is one split, without #dev"),
        ("hub", "it has several splits. Known: train, validation"),
        ("hub#test", "there is no split 'test'"),
    ],
)
def test_which_split_must_be_told(saved, parquet, path, problem):
    with pytest.raises(CorpusError, match=problem):
        list(read_corpus(saved.parent / path))


def test_parquet_files_are_read_alone_and_by_splits(parquet):
    assert find_format(parquet) == "huggingface"
    assert len(list(read_corpus(f"{parquet}#train"))) == 4
    (document,) = read_corpus(f"{parquet}#validation")
    assert surfaces([document]) == [("Oslo", "LOC")]
    (file,) = (parquet / "data").glob("validation*")
    assert list(read_corpus(file)) == [document]
    bare = file.rename(parquet / "bare")
    assert find_format(bare) == "huggingface"
    for file in (parquet / "data").iterdir():
        file.rename(file.with_name(file.name.replace("train", "part")))
    assert len(list(read_corpus(parquet))) == 4


def test_counts_are_those_that_datasets_iterates(tmp_path):
    rows = {key: values * 700 for key, values in ROWS.items()}
    made = datasets.Dataset.from_dict(rows, features=FEATURES)
    made.save_to_disk(tmp_path / "a", num_shards=3)
    found = list(read_corpus(tmp_path / "a"))
    names = FEATURES["ner_tags"].feature.int2str
    assert [d.tags for d in found] == [tuple(map(names, r["ner_tags"])) for r in made]


def test_texts_with_entities_are_read_in_the_old_form_of_lists_too(tmp_path, rows):
    entity = {"start": Value("int64"), "end": Value("int64")}
    label = ClassLabel(names=["PER", "LOC"])
    for number, kind in enumerate((List, datasets.Sequence)):
        features = {
            "text": Value("string"),
            "entities": kind(entity | {"label": label}),
        }
        values = [{"start": 0, "end": 4, "label": 1}]
        if kind is not List:
            values = {key: [value] for key, value in values[0].items()}
        made = datasets.Dataset.from_dict(
            {"text": ["Oslo sleeps"], "entities": [values]},
            features=datasets.Features(features),
        )
        made.save_to_disk(tmp_path / str(number))
        (document,) = read_corpus(tmp_path / str(number))
        assert document.entities == (Entity(0, 4, "LOC"),)


def plain(path, **rows):
    datasets.Dataset.from_dict(rows).to_parquet(path)
    return path


def test_numbers_without_names_are_named_by_option_or_by_a_file_beside(tmp_path):
    path = plain(tmp_path / "a.parquet", words=[["Mira", "ran"]], labels=[[1, 0]])
    with pytest.raises(CorpusError, match=r"--tag-names O,B-PER"):
        list(read_corpus(path))
    (document,) = read_corpus(path, labels=["O", "B-PER"])
    assert surfaces([document]) == [("Mira", "PER")]
    (tmp_path / "label2id.json").write_text(json.dumps({"B-LOC": 1, "O": 0}))
    (document,) = read_corpus(path)
    assert surfaces([document]) == [("Mira", "LOC")]
    (document,) = read_corpus(path, labels=["O", "B-PER"])
    assert surfaces([document]) == [("Mira", "PER")]


def test_names_by_option_go_before_those_of_the_data_set(saved):
    other = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    found = surfaces(read_corpus(f"{saved}#train", labels=other))
    assert found == [("Mira Sol", "X"), ("Oslo", "Y")]


def test_columns_are_found_or_named(tmp_path, rows):
    odd = rows.rename_columns({"tokens": "w", "ner_tags": "t"})
    odd.save_to_disk(tmp_path / "a")
    found = surfaces(read_corpus(tmp_path / "a", tokens_key="w", tags_key="t"))
    assert found == [("Mira Sol", "PER"), ("Oslo", "LOC")]
    one = rows.remove_columns("pos_tags").rename_column("ner_tags", "t")
    one.save_to_disk(tmp_path / "b")
    assert surfaces(read_corpus(tmp_path / "b")) == found


def test_tags_that_are_no_class_are_named_and_need_none_in_prediction(tmp_path, rows):
    rows = datasets.Dataset.from_dict(ROWS | {"ner_tags": [[-1, -1, -1], [-1, -1]]})
    rows.cast(FEATURES).save_to_disk(tmp_path / "a")
    with pytest.raises(CorpusError, match="tag -1 lies outside the 5 labels"):
        list(read_corpus(tmp_path / "a"))
    assert len(list(read_corpus(tmp_path / "a", tags="optional"))) == 2


def test_columns_that_are_no_text_are_left_out_and_named(tmp_path, caplog):
    caplog.set_level("INFO")
    path = plain(
        tmp_path / "a.parquet", tokens=[["x"]], ner_tags=[["O"]], image=[b"\xff"]
    )
    (document,) = read_corpus(path)
    assert document.metadata == {}
    assert "left out: columns of other kinds: image" in caplog.text


def test_every_problem_is_named_with_its_row(tmp_path):
    path = plain(
        tmp_path / "a.parquet",
        tokens=[["x"], ["x", "y"], ["x"]],
        ner_tags=[["B-PER", "O"], ["O"], ["B-X"]],
    )
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path))
    assert "2 problems" in str(caught.value)
    assert "a.parquet: record 1: 1 word but 2 tags" in str(caught.value)
    assert "a.parquet: record 2: 2 words but 1 tag" in str(caught.value)


def test_damaged_files_and_directories_are_refused(tmp_path, saved):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 20)
    (tmp_path / "a.arrow").write_bytes(b"\xff\xff\xff\xff" + b"\1" * 20)
    for name in ("a.parquet", "a.arrow"):
        with pytest.raises(CorpusError, match="damaged, or neither Parquet nor Arrow"):
            list(read_corpus(tmp_path / name))
    (file,) = (saved / "test").glob("*.arrow")
    file.unlink()
    with pytest.raises(CorpusError, match=r"state\.json names files that are not here"):
        list(read_corpus(saved / "test"))
    state = saved / "train" / "state.json"
    state.write_text(json.dumps({"_data_files": [{"filename": "../../a.arrow"}]}))
    with pytest.raises(CorpusError, match=r"state\.json names files that are not here"):
        list(read_corpus(saved / "train"))


def test_features_nested_beyond_measure_are_refused_or_passed_over(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"tokens": [["x"]], "ner_tags": [["O"]]})
    for depth in range(100, 1000, 50):
        deep = "[" * depth + "]" * depth
        features = f'{{"info": {{"features": {{"tokens": {deep}}}}}}}'
        made = table.replace_schema_metadata({"huggingface": features})
        pyarrow.parquet.write_table(made, tmp_path / "a.parquet")
        with contextlib.suppress(CorpusError):
            list(read_corpus(tmp_path / "a.parquet"))


def test_without_the_packages_one_sentence_names_the_extra(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    for path in (f"{saved}#train", "hub:owner/name"):
        with pytest.raises(ConfigError, match=r'pip install "tfner\[datasets\]"'):
            list(read_corpus(path))


def test_names_of_the_hub_go_through_datasets(parquet, monkeypatch, tmp_path):
    """`datasets` takes a directory of that name for the data set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    parquet.rename(tmp_path / "name")
    (tmp_path / "owner").mkdir()
    (tmp_path / "name").rename(tmp_path / "owner" / "name")
    found = surfaces(read_corpus("hub:owner/name#validation"))
    assert found == [("Oslo", "LOC")]
    with pytest.raises(CorpusError, match="it has several splits"):
        list(read_corpus("hub:owner/name"))
    with pytest.raises(StorageError, match="cannot be had from the hub"):
        list(read_corpus("hub:owner/name#nothing"))


def test_commands_take_a_split(saved, tmp_path):
    def tfner(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    result = tfner("corpus", "check", f"{saved}#train", f"{saved}#test")
    assert "2 documents" in result.stdout
    result = tfner("corpus", "convert", f"{saved}#train", tmp_path / "a.conll")
    assert result.exit_code == 0, result.output
    assert surfaces(read_corpus(tmp_path / "a.conll")) == [
        ("Mira Sol", "PER"),
        ("Oslo", "LOC"),
    ]
    shares = ("--fractions", "0.5,0.5")
    result = tfner("corpus", "split", f"{saved}#train", tmp_path / "parts", *shares)
    assert result.exit_code == 0, result.output
    parts = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert parts == ["dev.jsonl", "train.jsonl"]
    with pytest.raises(ConfigError, match="huggingface is read only"):
        write_corpus([], tmp_path / "a.parquet")
