"""Rasa YAML: what is read, what is refused and where, and what is written."""

from __future__ import annotations

import logging
import sys

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa_attributes import ATTRIBUTES
from tfner.document import Document, Entity
from tfner.errors import CorpusError

CANONICAL = """\
version: "3.1"

nlu:
- intent: book/flight
  examples: |
    - from [LA](city:Los Angeles) to [Rome]{"entity": "city", "role": "to"}
    -   # no comment: \\[1\\] "q" 'q' \\\\

- intent: 挨拶
  examples:
  - text: "\\"[やあ](INTJ)\\" \\\\\\\\"
    metadata: {"sentiment": "neutral", "score": 0.5, "day": "2020-01-01", "n": null}
  - text: "- yes"
    metadata: ["1", 2]

- intent: "yes"
  examples: |
    - no
    -\x20
    - 😀
"""


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.yml"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


def read(path):
    return list(read_corpus(path))


def problem(path):
    with pytest.raises(CorpusError) as caught:
        read(path)
    return str(caught.value)


def test_a_canonical_file_is_written_back_byte_for_byte(write, tmp_path):
    path = write(CANONICAL)
    assert write_corpus(read_corpus(path), tmp_path / "b.jsonl") == 7
    write_corpus(read_corpus(tmp_path / "b.jsonl"), tmp_path / "c.yaml")
    assert (tmp_path / "c.yaml").read_text("utf-8") == CANONICAL


def test_texts_intents_and_metadata_are_exact(write):
    documents = read(write(CANONICAL))
    assert [(d.id, d.text) for d in documents] == [
        ("a:6", "from LA to Rome"),
        ("a:7", "  # no comment: [1] \"q\" 'q' \\"),
        ("a:11", '"やあ" \\'),
        ("a:13", "- yes"),
        ("a:18", "no"),
        ("a:19", ""),
        ("a:20", "😀"),
    ]
    assert documents[0].entities == (Entity(5, 7, "city"), Entity(11, 15, "city"))
    attributes = [note["attributes"] for note in documents[0].metadata[ATTRIBUTES]]
    assert attributes == [{"value": "Los Angeles"}, {"role": "to"}]
    assert documents[2].metadata == {
        "intent": "挨拶",
        "metadata": {
            "sentiment": "neutral",
            "score": 0.5,
            "day": "2020-01-01",
            "n": None,
        },
    }
    assert documents[4].metadata == {"intent": "yes"}


def test_strings_stay_strings(write):
    content = (
        "nlu:\n- intent: 12\n  examples:\n  - text: 0x1F\n"
        "  - text: true\n"
        "    metadata: {a: 12:30, b: 2020-01-01, c: yes, d: NaN, e: ~}\n"
    )
    first, second = read(write(content))
    assert (first.text, second.text) == ("0x1F", "true")
    assert first.metadata == {"intent": "12"}
    assert second.metadata["metadata"] == {
        "a": "12:30",
        "b": "2020-01-01",
        "c": "yes",
        "d": "NaN",
        "e": "~",
    }


def test_the_list_form_is_read_as_rasa_documents_it(write):
    content = (
        "nlu:\n- intent: greet\n  examples:\n  - text: |\n      hi [x](y)\n"
        "    metadata:\n      sentiment: neutral\n  - text: |\n      hey\n"
    )
    first, second = read(write(content))
    assert (first.id, first.text, first.entities) == (
        "a:5",
        "hi x",
        (Entity(3, 4, "y"),),
    )
    assert first.metadata["metadata"] == {"sentiment": "neutral"}
    assert (second.id, second.text) == ("a:9", "hey")


def test_what_holds_no_sentences_is_skipped_and_counted(write, caplog):
    caplog.set_level(logging.INFO)
    content = (
        "version: '2.0'\nstories: []\nnlu:\n- synonym: s\n  examples: |\n    - a\n"
        "- regex: r\n  examples: |\n    - [0-9](\n- lookup: l\n  examples: [1]\n"
        "- intent: i\n  metadata: {a: b}\n  examples: |\n\n    - x\n\n    - y\n"
    )
    assert [(d.id, d.text) for d in read(write(content))] == [
        ("a:16", "x"),
        ("a:18", "y"),
    ]
    expected = "1 stories, 1 synonym, 1 regex, 1 lookup, 1 metadata of an intent"
    assert f"they hold no sentences: {expected}" in caplog.text


HEAD = "nlu:\n- intent: i\n  examples: |\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEAD}    - a\n    - b [x]()\n", "a.yml:5: column 12: an empty label"),
        (f"{HEAD}    - [a [b](c)](d)\n", "a.yml:4: column 7: brackets within a mark"),
        (f"{HEAD}    a\n", "a.yml:4: an item must begin with '- '. Received: 'a'"),
        (
            "nlu:\n- intent: i\n  examples:\n  - text: '[](x)'\n",
            "a.yml:4: column 12: an entity without text",
        ),
        ("nlu:\n- a: [\n", "a.yml:3: not YAML: expected the node content"),
        ("nlu:\n- a\n\t- b\n", "a.yml:3: not YAML: found character '\\t'"),
        ("a: 1\n---\nb: 2\n", "a.yml:2: not YAML: but found another document"),
        ("nlu:\n# \x07\n", "a.yml:2: YAML cannot hold the character U+0007"),
        ("nlu: &x\n- *x\n", "a.yml:2: an alias (*name) is not followed"),
        ("nlu: " + "[" * 5_000, "this YAML nests too deeply"),
        ("- a\n", "a.yml:1: expected keys with values"),
        ("version: '3.1'\n", "a.yml:1: Rasa's NLU data needs the key `nlu:`"),
        ("nlu: a\n", "a.yml:1: `nlu:` must be a list of intents"),
        ("nlu:\n- intnt: a\n", "a.yml:2: an item of `nlu:` must have one of the keys"),
        ("nlu:\n- a\n", "a.yml:2: expected keys with values"),
        ("nlu:\n- intent:\n  examples: ''\n", "a.yml:2: an intent needs a name"),
        ("nlu:\n- intent: [a]\n", "a.yml:2: the name of an intent must be a string"),
        ("nlu:\n- intent: a\n", "a.yml:2: the intent 'a' has no `examples:`"),
        ("nlu:\n- intent: a\n  intent: b\n", "a.yml:2: the key 'intent' stands here"),
        ("nlu:\n- intent: a\n  examples: - b\n", "not YAML"),
        ("nlu:\n- intent: a\n  examples: '- b'\n", "a.yml:3: `examples:` must be a bl"),
        ("nlu:\n- intent: a\n  examples:\n  - b\n", "a.yml:4: expected keys"),
        (
            "nlu:\n- intent: a\n  examples:\n  - text: a\n    tex: b\n",
            "a.yml:4: an example of a list must be `text:` and `metadata:`",
        ),
        ("nlu:\n- intent: a\n  examples:\n  - text: [a]\n", "`text:` must be a string"),
        ("", "the file is empty"),
        ("nlu:\n", "the file is empty"),
    ],
)
def test_broken_files_are_named_with_their_line(write, content, message):
    found = problem(write(content))
    assert message in found
    assert "\n" not in found


def test_all_problems_of_a_file_are_reported_together(write):
    content = f"{HEAD}    - [](a)\n    b\n- x: y\n"
    assert problem(write(content)).startswith("3 problems:")


def test_a_bomb_of_aliases_is_refused_at_once(write):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    found = problem(write("\n".join([*rows, "nlu: *a29"])))
    assert "a.yml:2: an alias (*name) is not followed" in found


def test_no_object_is_made_of_a_tag(write):
    content = (
        "nlu:\n- intent: i\n  examples:\n  - text: a\n"
        "    metadata: !!python/object/apply:os.getcwd []\n"
    )
    (document,) = read(write(content))
    assert document.metadata["metadata"] == []


def test_check_goes_on_after_a_problem(write):
    path = write(f"{HEAD}    - [](a)\n    - b [c](d)\n")
    (report,) = check_corpora([str(path)], options=ReadOptions())
    assert [(f.kind, f.line) for f in report.findings] == [("bad-record", 4)]
    assert [(label, line) for label, (_, line) in report.labels.items()] == [("d", 5)]


@pytest.mark.parametrize("character", ["\x07", "\x85", "\u2028", "\ufffe", "\x7f"])
def test_what_yaml_cannot_hold_is_refused(tmp_path, character):
    with pytest.raises(CorpusError) as caught:
        write_corpus([Document("d", f"a{character}b")], tmp_path / "a.yml")
    assert f"document 'd' holds U+{ord(character):04X}" in str(caught.value)
    assert not (tmp_path / "a.yml").exists()


def test_a_sentence_without_intent_gets_one(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    write_corpus([Document("d", "a")], tmp_path / "a.yml")
    (document,) = read(tmp_path / "a.yml")
    assert document.metadata == {"intent": "none"}
    assert "under 'none': 1 sentence without an intent" in caplog.text


def test_line_ends_of_windows_are_no_part_of_a_sentence(write):
    path = write("")
    path.write_bytes(
        f"{HEAD}    - [a](b)\n    - [](x)\n".replace("\n", "\r\n").encode()
    )
    assert "a.yml:5: column 7" in problem(path)


def test_all_that_yaml_takes_for_line_breaks_is_counted(write):
    content = "# \x85 \u2028\n" * 3 + f"{HEAD}    - [](x)\u2028    - b\u2029    c\n"
    path = write(content)
    found = problem(path)
    assert "2 problems" in found
    assert "a.yml:13: column 7: an entity without text" in found
    assert "a.yml:15: an item must begin with '- '" in found


def test_yaml_is_not_loaded_until_a_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    write_corpus([Document("d", "a")], tmp_path / "a.yml")


def test_a_sentence_that_the_end_of_the_file_cuts_off_is_empty(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("nlu:\n- intent: i\n  examples:\n  - text: |")
    assert [document.text for document in read(path)] == [""]
