"""`tfner predict`: sources, formats, places, and streams that go on for ever."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path

import pytest

from tfner.corpus import read_corpus, words_of
from tfner.document import Document, Entity
from tfner.inference import chunks
from tfner.inference.predictor import Predictor
from tfner.reports.predictions import render

TEXT = "Anna lives in Paris"


def records(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def surfaces(record: dict) -> list[tuple[str, str]]:
    for entity in record["entities"]:
        found = record["text"][entity["start"] : entity["end"]]
        assert found == entity["text"]
    return [(e["text"], e["label"]) for e in record["entities"]]


def test_texts_become_json_lines_with_offsets(tfner, toy_bundle) -> None:
    flags = ["--text", TEXT, "--text", "  we flew from  ROME to Oslo\non monday"]
    result = tfner("predict", toy_bundle, *flags)
    assert result.code == 0, result.err
    first, second = records(result.out)
    assert list(first) == ["id", "text", "entities"]
    assert (first["id"], first["text"]) == ("1", TEXT)
    assert surfaces(first) == [("Anna", "PER"), ("Paris", "LOC")]
    assert surfaces(second) == [("ROME", "LOC"), ("Oslo", "LOC")]
    assert all(0 < entity["score"] <= 1 for entity in first["entities"])


def test_another_decoder_can_be_asked_for(tfner, toy_bundle) -> None:
    result = tfner("predict", toy_bundle, "--text", TEXT, "--decode", "viterbi")
    (record,) = records(result.out)
    assert surfaces(record) == [("Anna", "PER"), ("Paris", "LOC")]
    wrong = tfner("predict", toy_bundle, "--text", TEXT, "--decode", "viterby")
    assert "did you mean 'viterbi'" in wrong.sentence


@pytest.mark.parametrize("text", ["", " ", "\u200b", "日本 😀 ㈱"])
def test_any_text_has_an_answer(tfner, toy_bundle, text) -> None:
    (record,) = records(tfner("predict", toy_bundle, "--text", text).out)
    assert record["text"] == text


def test_bytes_that_are_no_text_are_refused(tfner, toy_bundle, tmp_path) -> None:
    place = ["--output", tmp_path / "out.html", "--to", "html"]
    result = tfner("predict", toy_bundle, "--text", "a \udcff b", *place)
    assert "lone surrogate U+DCFF" in result.sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Anna\nlives\n", "Anna B-PER\nlives O\n\n"),
        ("# id 7\tx\nAnna _ _\nlives _ _\n", "# id 7\tx\nAnna _ B-PER\nlives _ O\n\n"),
        ("1\tAnna\tO\tO\n2\tlives\tO\tO\n", "1\tAnna\tB-PER\tO\n2\tlives\tO\tO\n\n"),
        ("word tag\nAnna LOC\nlives O\n", "word tag\nAnna B-PER\nlives O\n\n"),
    ],
)
def test_columns_need_no_tags(tfner, toy_bundle, tmp_path, content, expected) -> None:
    (tmp_path / "test").write_text(content)
    flags = ["--from", "conll", "--to", "conll"]
    result = tfner("predict", toy_bundle, tmp_path / "test", *flags)
    assert result.code == 0, result.err
    assert result.out == expected


def test_standard_input_is_a_text_per_line(tfner, toy_bundle) -> None:
    result = tfner("predict", toy_bundle, "-", stdin=f"{TEXT}\nthe office\n".encode())
    assert [record["text"] for record in records(result.out)] == [TEXT, "the office"]


def test_standard_input_can_be_json_lines(tfner, toy_bundle) -> None:
    line = json.dumps({"id": "x", "text": TEXT, "entities": []}) + "\n"
    result = tfner("predict", toy_bundle, "-", "--from", "jsonl", stdin=line.encode())
    (record,) = records(result.out)
    assert (record["id"], surfaces(record)[0]) == ("x", ("Anna", "PER"))


def test_standard_input_that_is_no_utf8_is_refused(tfner, toy_bundle) -> None:
    result = tfner("predict", toy_bundle, "-", stdin=b"a\n\xff\n")
    assert result.sentence.startswith("-:2: not UTF-8")


def test_column_files_keep_their_words(tfner, toy_bundle, tmp_path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("Anna-Lena\tO\nlives\tO\nin\tO\nParis,\tO\n\nthe\tO\noffice\tO\n")
    result = tfner("predict", toy_bundle, path, "--to", "conll")
    blocks = [
        [line.split("\t") for line in block.splitlines()]
        for block in result.out.strip().split("\n\n")
    ]
    assert [[row[0] for row in block] for block in blocks] == [
        ["Anna-Lena", "lives", "in", "Paris,"],
        ["the", "office"],
    ]
    tags = {row[1] for block in blocks for row in block}
    assert tags <= {f"{b}-{x}" for b in "BI" for x in ("PER", "LOC", "ORG")} | {"O"}


@pytest.mark.parametrize("blank", [" ", "\u00ad"])
def test_blanks_among_the_words_change_no_entity(
    tfner, toy_bundle, tmp_path, blank: str
) -> None:
    """Words that give no pieces belong to the entity that they lie in."""
    words = ["bert", "Jones", "works", "for", "initech", "Corp", "in", "lima"]
    plain = Document("1", " ".join(words))
    plain = replace(plain, words=words_of(plain))
    (alone,) = Predictor.load(toy_bundle).predict([plain])
    source, out = tmp_path / "a.conll", tmp_path / "out.conll"
    source.write_text(f"\tO\n{blank}\tO\n".join(words) + "\tO\n", "utf-8")
    flags = ["--join", "none", "--to", "conll", "--output", out]
    assert tfner("predict", toy_bundle, source, *flags).code == 0
    (found,) = read_corpus(out, join="none")
    surfaces = [found.surface(entity).replace(blank, " ") for entity in found.entities]
    assert surfaces == [alone.surface(entity) for entity in alone.entities]
    assert any(" " in surface for surface in surfaces)


def test_predicted_columns_can_be_read_again(
    tfner, toy_bundle, toy_corpus, tmp_path
) -> None:
    out, source = tmp_path / "out.conll", toy_corpus / "dev.conll"
    flags = ["--to", "conll", "--output", out]
    result = tfner("predict", toy_bundle, source, *flags)
    assert (result.code, result.out) == (0, "")
    found = Predictor.load(toy_bundle).predict(read_corpus(source))
    assert [d.tags for d in read_corpus(out)] == [d.tags for d in found]


def test_predicted_rasa_items_can_be_read_again(
    tfner, toy_bundle, toy_corpus, tmp_path
) -> None:
    out, source = tmp_path / "out.md", toy_corpus / "dev.conll"
    flags = ["--to", "rasa", "--output", out]
    result = tfner("predict", toy_bundle, source, *flags)
    assert (result.code, result.out) == (0, "")
    found = Predictor.load(toy_bundle).predict(read_corpus(source))
    again = [(d.text, d.entities) for d in read_corpus(out)]
    assert again == [(d.text, d.entities) for d in found]


def test_entities_that_rasa_cannot_hold_are_told_of(
    tfner, toy_bundle, monkeypatch
) -> None:
    entities = (Entity(0, 19, "PER"), Entity(0, 4, "PER"), Entity(14, 19, "LOC"))
    nested = [Document("1", TEXT, entities)]
    monkeypatch.setattr(Predictor, "stream", lambda *_, **__: iter(nested))
    result = tfner("predict", toy_bundle, "--text", TEXT, "--to", "rasa")
    assert result.code == 0
    assert "[Anna lives in Paris](PER)" in result.out
    assert "2 are left out. Use --to jsonl" in result.err


def test_text_is_coloured(tfner, toy_bundle) -> None:
    result = tfner("predict", toy_bundle, "--text", TEXT, "--to", "text")
    assert "\x1b[1;" in result.out
    assert "Anna" in result.out
    assert "[PER]" in result.out


class Marks(HTMLParser):
    """Texts of marked entities, and tags that are still open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["mark"]:
            self.found.append(data)


def test_html_is_a_page_of_its_own_with_marked_entities(tfner, toy_bundle) -> None:
    text = "Anna lives in <b>Paris</b> & Oslo"
    result = tfner("predict", toy_bundle, "--text", text, "--to", "html")
    page = Marks()
    page.feed(result.out)
    assert page.open == []
    assert page.found[0] == "Anna"
    assert "<b>" not in result.out
    assert "http" not in result.out


def test_a_file_is_written_whole_or_not_at_all(
    tfner, toy_bundle, tmp_path, monkeypatch
) -> None:
    out = tmp_path / "out.jsonl"
    assert tfner("predict", toy_bundle, "--text", TEXT, "--output", out).code == 0
    before = out.read_text()
    again = ["predict", toy_bundle, "--text", "other", "--output", out]
    assert "exists" in tfner(*again).sentence
    source = tmp_path / "bad.txt"
    source.write_bytes(b"a\n" * 5 + b"\xff\n")
    monkeypatch.setattr(chunks, "DOCUMENTS", 2)
    broken = ["predict", toy_bundle, source, "--from", "text", "--output", out]
    assert "not UTF-8" in tfner(*broken, "--overwrite").sentence
    assert out.read_text() == before
    assert tfner(*again, "--overwrite").code == 0
    assert records(out.read_text())[0]["text"] == "other"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.txt", "out.jsonl"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--text", "a", "--output", "/dev/full"], "No space left on device"),
        (["--text", "a", "--output", "/proc/out"], "/proc/out: cannot be written"),
        (["--text", "a", "--output", "/tmp"], "exists"),
        (["--text", "a", "--to", "jsnl"], "did you mean 'jsonl'"),
        (["no.txt"], "no.txt: cannot be read"),
        (["{dev}", "--from-scheme", "IOE2"], "contradicts the scheme"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    tfner, toy_bundle, toy_corpus, flags, message
) -> None:
    dev = str(toy_corpus / "dev.conll")
    arguments = [flag.format(dev=dev) for flag in flags]
    assert message in tfner("predict", toy_bundle, *arguments).sentence


def test_words_that_the_model_cannot_see_are_counted(
    tfner, toy_bundle, tmp_path
) -> None:
    path = tmp_path / "a.conll"
    path.write_text("Anna\tO\n\u200b\tO\nlives\tO\n", encoding="utf-8")
    result = tfner("predict", toy_bundle, path)
    assert "not everything could be read: 1 words_without_pieces" in result.err
    assert tfner("--quiet", "predict", toy_bundle, path).err == ""


def test_stored_texts_can_be_verified_first(tfner, toy_bundle) -> None:
    assert tfner("predict", toy_bundle, "--text", TEXT, "--verify").code == 0


@pytest.mark.parametrize("format", ["jsonl", "conll", "rasa", "text", "html"])
def test_an_endless_stream_is_answered_while_it_comes(
    toy_bundle, monkeypatch, format
) -> None:
    monkeypatch.setattr(chunks, "DOCUMENTS", 8)
    model, taken = Predictor.load(toy_bundle), 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield TEXT if taken % 2 else ""

    parts = render(model.stream(endless()), format, labels=("LOC", "ORG", "PER"))
    assert len(list(islice(parts, 40))) == 40
    assert taken < 80


@pytest.mark.slow
def test_a_process_writes_results_alone_and_hears_of_a_reader_that_leaves(
    real, toy_bundle, tmp_path: Path
) -> None:
    path = tmp_path / "many.txt"
    path.write_text(f"{TEXT}\n" * 5000)
    shell = '"$0" "$@" | head -1'
    result = real("predict", toy_bundle, path, "--from", "text", shell=shell)
    (record,) = records(result.out)
    assert surfaces(record)[0] == ("Anna", "PER")
    assert result.err == ""


@pytest.mark.slow
def test_a_full_disk_behind_stdout_is_a_sentence(real, toy_bundle) -> None:
    shell = '"$0" "$@" > /dev/full'
    result = real("predict", toy_bundle, "--text", TEXT, shell=shell)
    assert "No space left on device" in result.sentence


def test_a_txt_file_is_lines_of_text(tfner, toy_bundle, tmp_path: Path) -> None:
    source = tmp_path / "texts.txt"
    source.write_text(f"{TEXT}\n\nnothing here\n", encoding="utf-8")
    result = tfner("predict", toy_bundle, source, "--to", "jsonl")
    assert [record["text"] for record in records(result.out)] == [TEXT, "nothing here"]


def test_the_spaces_of_a_raw_text_are_kept(tfner, toy_bundle, tmp_path) -> None:
    (tmp_path / "a.conll").write_text("Anna\tO\nlives\tO\nin\tO\nParis\tO\n\n")
    (tmp_path / "a.raw").write_text("Anna  lives in  Paris\n")
    flags = ("--raw-text", tmp_path / "a.raw")
    result = tfner("predict", toy_bundle, tmp_path / "a.conll", *flags)
    (record,) = records(result.out)
    assert record["text"] == "Anna  lives in  Paris"
    assert surfaces(record) == [("Anna", "PER"), ("Paris", "LOC")]


def test_predictions_become_tasks_of_label_studio(tfner, toy_bundle, tmp_path) -> None:
    out = tmp_path / "tasks.json"
    flags = ["--text", TEXT, "--to", "labelstudio", "--output", out]
    assert tfner("predict", toy_bundle, *flags).code == 0
    (task,) = json.loads(out.read_text("utf-8"))
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == Path(toy_bundle).name
    found = [(r["value"]["text"], r["value"]["labels"]) for r in prediction["result"]]
    assert found == [("Anna", ["PER"]), ("Paris", ["LOC"])]
    (document,) = read_corpus(out)
    assert [e.label for e in document.entities] == ["PER", "LOC"]


@pytest.mark.parametrize(
    "record",
    [
        {"tokens": TEXT.split()},
        {"tokens": TEXT.split(), "ner_tags": [3, 0, 0, 4]},
        {"text": TEXT, "label": "letter"},
        {"text": TEXT, "answer": "ignore"},
        {"data": {"text": TEXT}, "annotations": []},
    ],
)
def test_records_need_no_annotations(tfner, toy_bundle, tmp_path, record) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n", "utf-8")
    result = tfner("predict", toy_bundle, path)
    assert surfaces(records(result.out)[0]) == [("Anna", "PER"), ("Paris", "LOC")]


def test_integer_tags_are_named_where_models_are_scored(
    tfner, toy_bundle, tmp_path
) -> None:
    path = tmp_path / "a.jsonl"
    record = {"tokens": TEXT.split(), "ner_tags": [1, 0, 0, 2]}
    path.write_text(json.dumps(record) + "\n", "utf-8")
    names = tmp_path / "config.json"
    names.write_text(json.dumps({"label2id": {"O": 0, "B-PER": 1, "B-LOC": 2}}))
    result = tfner("evaluate", toy_bundle, path, "--tag-names", names, "--json")
    assert result.code == 0, result.err
    assert "--tag-names" in tfner("evaluate", toy_bundle, path).sentence
    one = tfner("compare", toy_bundle, toy_bundle, path, "--tag-names", names)
    assert "--tag-names" not in one.err
