"""Column files as they are in the world: what is found, announced and written back."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from tfner.corpus import read_corpus, write_corpus
from tfner.corpus.checks.check import check_corpora
from tfner.corpus.formats.options import ReadOptions
from tfner.document import Entity
from tfner.errors import CorpusError


@pytest.fixture
def write(tmp_path):
    def write_file(content: str, name: str = "a.bio"):
        path = tmp_path / name
        path.write_bytes(content.encode())
        return path

    return write_file


@pytest.fixture
def again(tmp_path):
    """What is written of documents."""

    def write_again(documents, **settings):
        write_corpus(documents, tmp_path / "again.bio", **settings)
        return (tmp_path / "again.bio").read_bytes().decode()

    return write_again


def found(document):
    return [(document.surface(e), e.label) for e in document.entities]


def words(document):
    return [document.surface(word) for word in document.words]


MULTICONER = (
    "# id 77aa\tdomain=en\nmira _ _ B-PER\nran _ _ O\n\n"
    "# id 78ab\tdomain=en\noslo _ _ B-LOC\n\n"
)
GERMEVAL = (
    "#\thttp://x.example/a\t[2001-02-03]\t\n1\tSol\tB-ORG\tB-PER\n2\tAG\tI-ORG\tO\n\n"
    "#\thttp://x.example/b\t[2001-02-04]\t\n1\tMira\tB-PER\tO\n2\tran\tO\tO\n\n"
)


def test_comments_at_the_head_of_sentences_are_found_and_announced(
    write, again, caplog
):
    caplog.set_level(logging.INFO)
    documents = list(read_corpus(write(MULTICONER)))
    assert [words(d) for d in documents] == [["mira", "ran"], ["oslo"]]
    assert documents[0].metadata["comments"] == ["# id 77aa\tdomain=en"]
    assert "2 lines with # read as comments, as '# id 77aa" in caplog.text
    assert "--no-comments" in caplog.text
    assert again(documents) == MULTICONER


def test_numbered_words_and_two_layers_of_tags_are_found(write, again, caplog):
    caplog.set_level(logging.INFO)
    first, second = read_corpus(write(GERMEVAL))
    assert (words(first), found(first)) == (
        ["Sol", "AG"],
        [("Sol AG", "ORG"), ("Sol", "PER")],
    )
    assert (words(second), found(second)) == (["Mira", "ran"], [("Mira", "PER")])
    assert first.tags is None
    assert "numbers the words" in caplog.text
    assert "--tag-column 2 reads one alone" in caplog.text
    assert again([first, second]) == GERMEVAL
    shortest = "#\thttp://x.example/a\t[2001-02-03]\t\n1\tMira\tB-PER\tO\n\n"
    (document,) = read_corpus(write(shortest))
    assert (words(document), found(document)) == (["Mira"], [("Mira", "PER")])
    assert again([document]) == shortest


def test_one_layer_of_two_may_be_named(write):
    documents = list(read_corpus(write(GERMEVAL), tag_column=3))
    assert [found(d) for d in documents] == [[("Sol", "PER")], []]
    assert documents[0].tags == ("B-PER", "O")


def test_layers_may_have_labels_of_their_own_but_phrases_are_no_layer(write):
    rows = "1\tMira\tB-{0}\tO\n2\tSol\tI-{0}\tB-LOC\n3\tran\tO\tO\n"
    (layered,) = read_corpus(write(rows.format("PER")))
    assert [e.label for e in layered.entities] == ["PER", "LOC"]
    (phrases,) = read_corpus(write(rows.format("NP")))
    assert [e.label for e in phrases.entities] == ["LOC"]


def test_layers_are_named_for_any_file(write, again):
    content = "Sol B-ORG B-PER\nAG I-ORG O\nran O O\n\n"
    (document,) = read_corpus(write(content), tag_column="1,2")
    assert found(document) == [("Sol AG", "ORG"), ("Sol", "PER")]
    assert again([document]) == content
    assert (
        again([document], scheme="BIOES") == "Sol B-ORG S-PER\nAG E-ORG O\nran O O\n\n"
    )
    assert found(next(read_corpus(write(content)))) == [("Sol", "PER")]


def test_layers_survive_jsonl(write, tmp_path, again):
    write_corpus(read_corpus(write(GERMEVAL)), tmp_path / "b.jsonl")
    assert again(read_corpus(tmp_path / "b.jsonl")) == GERMEVAL


def test_changed_entities_are_spread_over_the_layers(write, again):
    (document,) = read_corpus(write("1 a O O\n2 b O O\n3 c B-X O\n\n"))
    nested = replace(document, entities=(Entity(0, 5, "X"), Entity(2, 3, "Y")))
    assert again([nested]) == "1 a B-X O\n2 b I-X B-Y\n3 c I-X O\n\n"
    deep = replace(nested, entities=(*nested.entities, Entity(2, 5, "Z")))
    with pytest.raises(CorpusError, match="2 columns of tags"):
        again([deep])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("We O\nare O\n# O\n1 O\n", ["We", "are", "#", "1"]),
        ("# O\n1 B-X\n", ["#", "1"]),
        ("#tag\tO\nis\tB-X\n", ["#tag", "is"]),
        ("# NN O\nx NN B-X\n", ["#", "x"]),
    ],
)
@pytest.mark.parametrize("comments", [True, None, False])
def test_a_word_with_a_hash_stays_a_word(write, content, expected, comments):
    (document,) = read_corpus(write(content), comments=comments)
    assert words(document) == expected


def test_no_comments_reads_every_line_as_words(write):
    with pytest.raises(
        CorpusError, match="expected 4 columns, received 2: '# id 77aa'"
    ):
        list(read_corpus(write(MULTICONER), comments=False))


@pytest.mark.parametrize(
    "comment",
    ["# id 77aa\tdomain=en", "## klue-1_x\t<Mira:PS> ran", "##\tpart", "#\t\t"],
)
def test_what_can_be_no_word_is_a_comment_at_any_width(write, again, comment):
    content = f"{comment}\nMira\tB-PER\nran\tO\n\n"
    (document,) = read_corpus(write(content))
    assert words(document) == ["Mira", "ran"]
    assert again([document]) == content


def test_comments_in_mid_sentence_are_read_on_request(write):
    path = write("x\tB-A\n# a remark\ny\tI-A\n")
    with pytest.raises(CorpusError, match=r"received 3: '#'(.|\n)*--comments"):
        list(read_corpus(path))
    assert words(next(read_corpus(path, comments=True))) == ["x", "y"]


def test_comments_as_wide_as_the_rows_are_read_on_request(write):
    path = write("# id 1\nx NN B-A\ny VB O\n")
    with pytest.raises(CorpusError, match="--comments"):
        list(read_corpus(path))
    assert words(next(read_corpus(path, comments=True))) == ["x", "y"]


DOCUMENTS = (
    "#begin document (a/b); part 000\n\nMira B-PER\nran O\n\n"
    "## next part\nOslo B-LOC\n\n"
    "#end document\n#begin document (a/c); part 000\nSol B-PER\n\n#end document\n"
)


def test_borders_of_documents_are_found_and_written_back(write, again):
    documents = list(read_corpus(write(DOCUMENTS)))
    assert [d.metadata["document"] for d in documents] == ["a#1", "a#1", "a#2"]
    assert documents[1].metadata["comments"] == ["## next part"]
    assert again(documents) == DOCUMENTS


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("1 Mira B-PER\n2 ran O\n\n1 Sol B-PER\n\n", 1),
        ("0 Mira B-PER\n1 ran O\n\n0 Sol B-PER\n\n", 1),
        ("1 Mira B-PER\n2 ran O\n\n3 Sol B-PER\n\n", 1),
        ("1 Mira B-PER\n3 ran O\n\n1 Sol B-PER\n\n", 0),
        ("1 CD B-PER\n2 CD O\nand CC O\n\n", 0),
        ("1 1 O\n2 2 B-X\n\n", 0),
    ],
)
def test_running_numbers_in_the_first_column_are_no_words(
    write, again, content, number
):
    documents = list(read_corpus(write(content)))
    first = content.partition("\n")[0].split()
    assert words(documents[0])[0] == first[number]
    assert again(documents) == content
    (document, *_) = read_corpus(write(content), word_column=0)
    assert words(document)[0] == first[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("word\ttag\nMira\tB-PER\nran\tO\n\n", ["Mira", "ran"]),
        ("Token Tag\n\nMira B-PER\nran O\n\n", ["Mira", "ran"]),
        ("ner pos text\nB-PER NNP Mira\nO VBD ran\n\n", ["Mira", "ran"]),
        ("id\ttokens\tner_tags\tpos\nx\tMira\tB-PER\tNNP\n\n", ["Mira"]),
    ],
)
def test_a_header_names_the_columns(write, again, caplog, content, expected):
    caplog.set_level(logging.INFO)
    documents = list(read_corpus(write(content)))
    assert words(documents[0]) == expected
    assert found(documents[0]) == [("Mira", "PER")]
    assert "the first row names the columns" in caplog.text
    assert again(documents) == content


def test_a_sentence_of_such_words_is_no_header(write):
    (document,) = read_corpus(write("text O\nlabel B-X\n"))
    assert words(document) == ["text", "label"]
    (document,) = read_corpus(write("form entity\nMira entity\nran O\n"))
    assert words(document) == ["form", "Mira", "ran"]


def test_every_part_of_a_file_gets_its_header(write, again):
    documents = list(read_corpus(write("word tag\na O\n\nb B-X\n\n")))
    assert again(documents[1:]) == "word tag\nb B-X\n\n"


@pytest.mark.parametrize(
    "content",
    [
        "Mira\tB-PER\t\nran\tO\t\n\n",
        "Mira\tB-PER\t\nran\tO\n\n",
        "Mira\tB-PER\nran\tO\t\n\n",
        "Mira\tB-PER\t\t\nran\tO\t\t\n\n",
    ],
)
def test_a_delimiter_after_the_tag_makes_no_column(write, again, content):
    (document,) = read_corpus(write(content))
    assert (document.tags, found(document)) == (("B-PER", "O"), [("Mira", "PER")])
    assert again([document]).replace("\t\n", "\n").replace("\t\n", "\n") == (
        "Mira\tB-PER\nran\tO\n\n"
    )


def test_a_column_that_is_empty_in_the_first_lines_alone_is_one(write):
    content = "a\tX\t\n\n" * 2500 + "b\tX\tB-PER\n\n"
    documents = list(read_corpus(write(content)))
    assert documents[0].tags == ("O",)
    assert found(documents[-1]) == [("b", "PER")]


@pytest.mark.parametrize(
    "content",
    [
        "Mira PER\nSol PER\nran O\n\n",
        "Mira B_PER\nSol I_PER\nran O\n\n",
        "Mira PER-B\nSol PER-I\nran -\n\n",
        "Mira\tb-PER\nSol\te-PER\nran\to\n\n",
        "Mira B-PER\nSol E-PER\nran 0\n\n",
        "Mira:x B:PER\nSol I:PER\nran _\n\n",
    ],
)
def test_spellings_of_tags_are_read_and_written_back(write, again, caplog, content):
    caplog.set_level(logging.INFO)
    (document,) = read_corpus(write(content))
    assert [label for _, label in found(document)] == ["PER"]
    assert document.entities[0].end == document.words[1].end
    assert document.tags[2] == "O"
    assert again([document]) == content
    written = again([document], scheme="BILOU")
    assert [line.split()[1] for line in written.split("\n")[:3]] == [
        "B-PER",
        "L-PER",
        "O",
    ]


def test_labels_without_prefix_are_announced_and_checked(write, caplog):
    caplog.set_level(logging.INFO)
    path = write("Mira PER\nSol PER\nran O\nOslo LOC\n\n")
    list(read_corpus(path))
    assert "labels without prefix" in caplog.text
    assert "LOC, PER" in caplog.text
    (report,) = check_corpora([str(path)], options=ReadOptions())
    assert [f.kind for f in report.findings] == ["layout"]
    assert report.scheme == "IO"
    assert sorted(report.labels) == ["LOC", "PER"]


def test_changed_tags_do_not_mix_with_others_of_another_spelling(write, again):
    first, second = read_corpus(write("Mira PER-B\nran -\n\nSol PER-B\nran -\n\n"))
    other = replace(second, tags=("O", "O"), entities=())
    with pytest.raises(CorpusError, match=r"1 document with other.*--scheme IOB2"):
        again([first, other])
    expected = "Mira B-PER\nran O\n\nSol O\nran O\n\n"
    assert again([first, other], scheme="IOB2") == expected
    assert again([replace(first, tags=("O", "O"), entities=()), other]) == (
        expected.replace("B-PER", "O")
    )


def test_letters_alone_need_a_label_by_option(write):
    path = write("Mira B\nSol I\nran O\n")
    with pytest.raises(CorpusError, match="--label NAME"):
        list(read_corpus(path))
    assert found(next(read_corpus(path, label="GENE"))) == [("Mira Sol", "GENE")]


def test_a_column_of_something_else_is_refused_with_the_remedy(write):
    with pytest.raises(CorpusError, match=r"--from-scheme IO(.|\n)*--tag-column 1"):
        list(read_corpus(write("Mira B-PER NNP\nran O VBD\n")))
    (report,) = check_corpora(
        [str(write("Mira B-PER NNP\nran O VBD\n"))], options=ReadOptions()
    )
    assert ("error", "no-tags") in [(f.severity, f.kind) for f in report.findings]


WIKIANN = "de:Mira B-PER\nde:ran O\n\nde:in O\nde:Oslo B-LOC\n\n"


def test_languages_before_words_are_taken_off_on_request(write, again, caplog):
    caplog.set_level(logging.INFO)
    assert words(next(read_corpus(write(WIKIANN))))[0] == "de:Mira"
    assert "--language-prefix" in caplog.text
    documents = list(read_corpus(write(WIKIANN), language_prefix=True))
    assert [d.text for d in documents] == ["Mira ran", "in Oslo"]
    assert again(documents) == WIKIANN
    (report,) = check_corpora([str(write(WIKIANN))], options=ReadOptions())
    assert "--language-prefix" in report.findings[0].message


def test_words_without_a_language_are_all_named(write):
    path = write(WIKIANN + "Sol B-PER\nran O\n")
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path, language_prefix=True))
    assert "a.bio:7: no language and colon before 'Sol'" in str(caught.value)
    assert "2 such words" in str(caught.value)
    options = ReadOptions(language_prefix=True)
    (report,) = check_corpora([str(path)], options=options)
    assert [f.line for f in report.findings if f.kind == "no-language"] == [7, 8]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Mira\nran\n\nSol\n", "Mira ran"),
        ("mira _ _ _\nran _ _ _\n", "mira ran"),
        ("Mira NNP\nran VBD\n", "Mira ran"),
        ("1 Mira\n2 ran\n", "Mira ran"),
        ("Mira B-PER\nran X-Y\n", "Mira ran"),
        ("Mira B-PER\nran O\n", "Mira ran"),
    ],
)
def test_prediction_needs_no_tags(write, content, expected):
    document = next(read_corpus(write(content), tags="optional"))
    assert document.text == expected
    assert (document.tags is None) == ("O" not in content)


def test_predictions_take_the_place_of_masked_tags(write, again):
    (document,) = read_corpus(write("mira _ _\nran _ _\n"), tags="optional")
    predicted = replace(document, entities=(Entity(0, 4, "PER"),))
    assert again([predicted]) == "mira _ B-PER\nran _ O\n\n"


def test_a_file_without_blank_lines_is_named(write, caplog):
    caplog.set_level(logging.INFO)
    list(read_corpus(write("a O\n" * 600)))
    assert "1 sentence of 600 words: blank lines" in caplog.text


def test_masked_tags_are_no_tags_for_training(write):
    with pytest.raises(CorpusError, match="no tags: '_'"):
        list(read_corpus(write("mira _ _\nran _ _\n")))
