"""Files of columns and of prose are recognised by what is in them."""

from __future__ import annotations

import pytest

from tfner.corpus import find_format
from tfner.errors import CorpusError

COMMENTED = "# id 77aa\tdomain=en\nmira _ _ B-PER\nran _ _ O\n\n"
LAYERED = (
    "#\thttp://x.example/a\t[2001-02-03]\t\n1\tSol\tB-ORG\tB-PER\n2\tAG\tI-ORG\tO\n"
)


@pytest.fixture
def write(tmp_path):
    def write_file(content: str, name: str):
        path = tmp_path / name
        path.write_bytes(content.encode())
        return path

    return write_file


@pytest.mark.parametrize(
    "name",
    ["eng.train", "test", "dev.annotated", "a.ner", "a.iob", "a.conllu", "a.txt"],
)
@pytest.mark.parametrize(
    "content",
    [COMMENTED, LAYERED, "Mira PER\nran O\n", "# id 7\tx\nmira _ _ _\nran _ _ _\n"],
)
def test_columns_are_recognised_by_their_content(write, name, content):
    assert find_format(write(content, name)) == "conll"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "Mira Sol flew to Oslo.\nShe liked it.\n",
        "Mira\nran\n",
        "a b\nc d\n",
        "#\n# a\n",
        '{"a": "x O"}\n',
    ],
)
def test_anything_else_is_not_taken_for_columns(write, content):
    with pytest.raises(CorpusError, match="no format has the suffix"):
        find_format(write(content, "a.xyz"))


@pytest.mark.parametrize(
    "content",
    [
        "Mira Sol flew to Oslo.\nShe liked it there.\n",
        "Mira Sol flew to Oslo.\n",
        "one two three four\nfive six seven\neight nine\n",
        "東京は日本の首都である。\n人口は多い。\n",
    ],
)
def test_prose_is_recognised_as_text(write, content):
    assert find_format(write(content, "a.txt")) == "text"
    assert find_format(write(content, "a")) == "text"


@pytest.mark.parametrize(
    "content", ["a NN\nb VB\n", "Mira B-PER\nran\n", "foo\nbar\n\nbaz\n"]
)
def test_rows_that_are_no_prose_are_columns_by_their_name(write, content):
    assert find_format(write(content, "a.txt")) == "conll"


def test_ten_columns_are_conllu_where_they_say_so(write):
    rows = "1\tMira\t_\tB-PER\t_\t_\t0\troot\t_\t{}\n2\tran\t_\tO\t_\t_\t1\tx\t_\t_\n"
    assert find_format(write(rows.format("_"), "a.conll")) == "conll"
    assert find_format(write(rows.format("NE=B-PER"), "a.conll")) == "conllu"
    assert find_format(write("# text = Mira ran\n" + rows, "a.bio")) == "conllu"
    assert find_format(write(rows.format("_"), "a")) == "conllu"
