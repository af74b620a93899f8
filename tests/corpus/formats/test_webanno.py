"""WebAnno TSV 3: layers, stacks, parts of tokens, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfner.corpus import find_format, read_corpus, write_corpus
from tfner.errors import ConfigError, CorpusError

SPECIMEN = Path(__file__).parents[1] / "specimens" / "webanno.tsv"
NAMED = "#T_SP=de.api.ner.type.NamedEntity|identifier|value\n"


@pytest.fixture
def read(tmp_path):
    def read_lines(*lines, layers=NAMED, **settings):
        path = tmp_path / "a.tsv"
        text = "\n".join(lines).replace(" | ", "\t")
        path.write_text(f"#FORMAT=WebAnno TSV 3.3\n{layers}\n\n{text}\n", "utf-8")
        assert find_format(path) == "webanno"
        return list(read_corpus(path, **settings))

    return read_lines


def spans(document):
    return [(document.surface(e), e.label) for e in document.entities]


def test_sentences_of_several_layers_are_read():
    first, second = read_corpus(SPECIMEN)
    assert first.text == "Mira Sol flew to the 😀 Oslo Zoo."
    assert spans(first) == [("Mira Sol", "PER"), ("Oslo Zoo", "ORG_x"), ("Oslo", "LOC")]
    assert (first.id, first.metadata) == ("webanno:1", {"document": "webanno"})
    assert second.text == "Oslo-Mira ran\noff."
    assert spans(second) == [("Mira", "PER")]
    assert [second.surface(w) for w in second.words] == ["Oslo-Mira", "ran", "off", "."]


def test_another_layer_and_another_feature_are_read_on_request():
    (first, _) = read_corpus(SPECIMEN, tags_key="POS")
    assert spans(first)[:2] == [("Mira", "NE"), ("Sol", "NE")]
    (first, _) = read_corpus(SPECIMEN, tags_key="NamedEntity.identifier")
    assert ("Oslo Zoo", "http://x.example/1") in spans(first)
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(SPECIMEN, tags_key="Nothing"))
    assert (
        "Name one with --tags-key: POS.PosValue, NamedEntity.identifier, "
        "NamedEntity.value" in str(caught.value)
    )


def test_the_only_layer_of_ones_own_is_that_of_entities(read):
    layers = "#T_SP=x.POS|PosValue\n#T_SP=webanno.custom.Thing|note|kind\n"
    (document,) = read("#Text=Mira ran", "1-1 | 0-4 | Mira | NE | X | _", layers=layers)
    assert spans(document) == [("Mira", "X")]
    layers = "#T_SP=webanno.custom.Thing|\n"
    (document,) = read("#Text=Mira", "1-1 | 0-4 | Mira | *", layers=layers)
    assert spans(document) == [("Mira", "Thing")]
    layers += "#T_SP=webanno.custom.Other|value\n"
    with pytest.raises(CorpusError, match=r"--tags-key: Thing, Other\.value"):
        read("#Text=Mira", "1-1 | 0-4 | Mira | * | X", layers=layers)


def test_escapes_are_the_characters_themselves(read):
    (document,) = read(
        r"#Text=a\_b \[c\] \\ x",
        r"1-1 | 0-3 | a\_b | * | A\|B\[1\][7]",
        r"1-2 | 4-7 | \[c\] | * | A\|B\[1\][7]|D\_",
        "1-3 | 8-9 | \\\\ | _ | _",
        "1-4 | 10-11 | x | _ | _",
    )
    assert document.text == r"a_b [c] \ x"
    assert spans(document) == [("a_b [c]", "A|B[1]"), ("[c]", "D_")]


def test_text_outside_of_tokens_is_found_by_offsets_in_utf16(read):
    (document,) = read(
        "#Text=😀? Mira 😀😀, Sol",
        "1-1 | 104-108 | Mira | * | P",
        "1-2 | 115-118 | Sol | * | Q",
    )
    assert spans(document) == [("Mira", "P"), ("Sol", "Q")]


def test_what_has_no_label_or_goes_on_is_counted(read, caplog):
    first, second = read(
        "#Text=Mira ran",
        "1-1 | 0-4 | Mira | * | *",
        "1-2 | 5-8 | ran | * | X[3]",
        "",
        "#Text=off",
        "2-1 | 9-12 | off | * | X[3]",
    )
    assert spans(first) == [("ran", "X")]
    assert spans(second) == []
    assert "1 annotations without a label or without text" in caplog.text
    assert "1 parts of entities that began in a sentence before" in caplog.text


def test_without_tags_only_texts_are_read(read):
    line = "1-1 | 0-4 | Mira | *"
    (document,) = read("#Text=Mira", line, layers="", tags="optional")
    assert (document.text, document.entities) == ("Mira", ())


def test_problems_are_named_with_their_lines(read):
    with pytest.raises(CorpusError) as caught:
        read(
            "#Text=Mira ran",
            "1-1 | 0-4 | Mira | * | X",
            "1-1 | 0-4",
            "1-2 | 5-8 | ran | *",
            "1-9.1 | 5-6 | r | * | X",
            "",
            "#Text=Mira",
            "2-1 | 9-12 | Ada | * | X",
            "",
            "#Text=Mira",
            "3-1 | 20-24 | Mira | _ | _",
            "3-1.1 | 22-29 | ra | * | X",
        )
    lines = [line.split("a.tsv:")[-1] for line in str(caught.value).splitlines()]
    assert [line.split(",")[0] for line in lines] == [
        "5 problems:",
        "7: expected SENTENCE-TOKEN<TAB>BEGIN-END<TAB>TOKEN and columns",
        "8: expected a column 5",
        "9: 1-9.1 is part of a token that is not there",
        "11: the token 'Ada' does not stand at its offset in #Text",
        "14: a part of a token lies outside it; check its offsets",
    ]


def test_it_is_not_written(tmp_path):
    with pytest.raises(ConfigError, match="webanno is read only"):
        write_corpus([], tmp_path / "a", format="webanno")
