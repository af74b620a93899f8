"""The corpora of a run: what is read, held out, and refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tfner.corpus import write_corpus
from tfner.document import Document, Entity
from tfner.errors import ConfigError, CorpusError, LabelError, StorageError
from tfner.finetuning.data import Corpora, load_corpora
from tfner.finetuning.training_data import load_training_data


def columns(path: Path, text: str) -> str:
    path.write_bytes(text.encode("utf-8"))
    return str(path)


def load(config, **changes):
    return load_corpora(config(**changes))[0]


def labels_of(config, **changes):
    return load_corpora(config(**changes))[1].labels


def test_a_dev_corpus_is_taken_as_it_is(config) -> None:
    found = load(config)
    assert (len(found.train), len(found.dev), len(found.test)) == (60, 12, 0)


def test_without_dev_a_share_is_held_out_and_announced(config, heed) -> None:
    said: list[str] = []
    with heed(said.append):
        found, _ = load_corpora(config(dev=None))
    assert (len(found.train), len(found.dev)) == (54, 6)
    (note,) = [line for line in said if line.startswith("no --dev: ")]
    assert "6 of 60 training sentences are held out" in note
    assert "--dev-fraction 0.1, --dev-seed 0" in note
    assert not {d.id for d in found.train} & {d.id for d in found.dev}


def test_trials_share_their_dev_sentences(config) -> None:
    def held_out(**changes):
        return [d.id for d in load(config, dev=None, **changes).dev]

    assert held_out(seed=5) == held_out()
    assert held_out(dev_seed=5) != held_out()


def test_limit_counts_sentences_but_not_labels(config) -> None:
    found = load(config, limit=2)
    assert len(found.train) == 2
    assert labels_of(config, limit=2) == ("LOC", "ORG", "PER")


def test_labels_can_be_given_in_any_order(config) -> None:
    labels = ("PER", "MISC", "ORG", "LOC")
    assert labels_of(config, labels=labels) == labels


def test_thousands_of_labels_are_no_labels(config, tmp_path) -> None:
    content = "".join(f"a\tB-{number}\n\n" for number in range(2001))
    settings = {"train": columns(tmp_path / "a.conll", content), "dev": None}
    with pytest.raises(CorpusError, match=r"2,001 labels, such as 0, 1, 10; a model"):
        load(config, **settings)


def test_labels_may_hold_hyphens(config, tmp_path) -> None:
    path = columns(tmp_path / "a.conll", "a\tB-work-of-art\nb\tI-work-of-art\n\n" * 2)
    settings = {"train": path, "dev": None, "dev_fraction": 0.0}
    assert labels_of(config, **settings) == ("work-of-art",)
    assert len(load(config, **settings).train[0].entities) == 1


def test_a_byte_order_mark_is_no_word(config, tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "tfner")
    path = columns(tmp_path / "a.conll", "\ufeffa\tB-X\n\nb\tO\n")
    found = load(config, train=path, dev=None, dev_fraction=0.0)
    assert found.train[0].text == "a"
    assert "byte order mark skipped" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "a.conll: .*(empty|no )"),
        (b"\n \n\n", "a.conll: .*(empty|no )"),
        (b"a\tO\n\nb\tO\n", "no document holds an entity"),
        (b"a\tB-X\n\n\xff\tO\n", r"a\.conll:3: not UTF-8: byte 0xff at offset 7"),
        (b"a\tB-X\n\nb\n", r"a\.conll"),
    ],
    ids=["missing", "empty", "blank", "no entities", "not UTF-8", "columns"],
)
def test_a_corpus_that_cannot_be_learnt_is_refused(
    config, tmp_path, content, message
) -> None:
    path = tmp_path / "a.conll"
    if content is not None:
        path.write_bytes(content)
    for part in ("train", "dev", "test"):
        if part == "train" or b"a\tO" not in (content or b""):
            error = CorpusError if path.exists() else StorageError
            with pytest.raises(error, match=message) as caught:
                load(config, **{part: str(path)})
            assert str(path) in str(caught.value)


@pytest.mark.parametrize("part", ["dev", "test"])
def test_labels_of_dev_or_test_alone_are_a_mistake(config, tmp_path, part) -> None:
    path = columns(tmp_path / "a.conll", "a\tB-EVENT\nb\tB-PER\n")
    with pytest.raises(CorpusError, match="training corpus does not have: EVENT") as e:
        load(config, **{part: path})
    assert path in str(e.value)
    assert "--labels" in str(e.value)
    labels = ("EVENT", "LOC", "ORG", "PER")
    assert labels_of(config, **{part: path}, labels=labels) == labels


def test_labels_that_were_not_given_are_a_mistake(config) -> None:
    with pytest.raises(CorpusError, match="--labels does not have: LOC, ORG"):
        load(config, labels=("PER",))


def test_labels_given_twice_are_refused(config) -> None:
    with pytest.raises((LabelError, ConfigError), match="PER"):
        load(config, labels=("PER", "PER", "LOC", "ORG"))


def test_the_same_texts_for_dev_and_test_are_refused(config, tmp_path) -> None:
    one = columns(tmp_path / "a.conll", "a\tB-PER\n\nb\tB-PER\n")
    other = columns(tmp_path / "b.conll", "b\tB-PER\n\na\tB-PER\n")
    with pytest.raises(CorpusError, match="hold the same texts") as caught:
        load(config, dev=one, test=other)
    assert one in str(caught.value)
    assert other in str(caught.value)


def test_a_scheme_that_contradicts_the_file_is_refused(config, tmp_path) -> None:
    with pytest.raises(CorpusError, match="contradicts the scheme IOE2"):
        load(config, from_scheme="IOE2")


def test_unknown_schemes_are_refused(config) -> None:
    with pytest.raises(LabelError, match="IOB3"):
        load(config, from_scheme="IOB3")
    with pytest.raises(LabelError, match="IOB3"):
        load(config, scheme="IOB3")


def test_too_few_sentences_to_hold_some_out_are_refused(config, tmp_path) -> None:
    path = columns(tmp_path / "a.conll", "a\tB-PER\n")
    with pytest.raises(CorpusError, match=r"a\.conll.*--dev-fraction 0"):
        load(config, train=path, dev=None)


@pytest.fixture
def nested(tmp_path: Path) -> str:
    entities = (Entity(0, 12, "ORG"), Entity(8, 12, "LOC"))
    documents = [Document(f"d{n}", "Bank of Lima", entities) for n in range(4)]
    documents.append(Document("d4", "Lima", (Entity(0, 4, "LOC"),)))
    write_corpus(documents, tmp_path / "nested.jsonl")
    return str(tmp_path / "nested.jsonl")


def test_all_documents_that_tags_cannot_hold_are_named(config, nested) -> None:
    with pytest.raises(CorpusError) as caught:
        load_training_data(config(train=nested, dev=None, dev_fraction=0.0))
    assert str(caught.value).startswith(f"{nested}: 4 problems:")
    for number in range(4):
        assert f"document 'd{number}': tags of words cannot hold" in str(caught.value)
    assert "--task span" in str(caught.value)


@pytest.mark.parametrize("nests", [False, True])
def test_entities_that_will_be_missed_are_told_of(config, nested, nests, heed) -> None:
    said: list[str] = []
    settings = {"train": nested, "dev": None, "dev_fraction": 0.0, "max_length": 16}
    with heed(said.append):
        load_training_data(config(task="span", nested=nests, **settings))
    notes = [line for line in said if "4 of 5 training sentences have nested" in line]
    assert len(notes) == (not nests)


@pytest.fixture
def documents(config) -> Corpora:
    found, _ = load_corpora(config())
    return found


def test_documents_take_the_place_of_files(config, documents) -> None:
    bare = config(train="", dev=None)
    found, label_set = load_corpora(bare, Corpora(iter(documents.train), documents.dev))
    assert found == documents
    assert label_set.labels == ("LOC", "ORG", "PER")
    found, _ = load_corpora(bare.replace(limit=40), Corpora(documents.train, test=None))
    assert (len(found.train), len(found.dev), len(found.test)) == (36, 4, 0)
    with pytest.raises(ConfigError, match="both `corpora` and `train`, `dev`"):
        load_corpora(config(), documents)


def test_errors_of_documents_name_no_file(config, documents) -> None:
    bare = config(train="", dev=None)
    with pytest.raises(CorpusError, match=r"^dev and test hold the same texts"):
        load_corpora(bare, Corpora(documents.train, documents.dev, documents.dev))
    with pytest.raises(CorpusError, match=r"^no document holds an entity"):
        load_corpora(bare, Corpora([Document("1", "we met")]))
