"""Corpora made to do harm: every reader says in one sentence where and what it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfner import read_corpus
from tfner.corpus.columns.raw_text import NumberedWords, find_differences
from tfner.corpus.stats import count_corpus, render_stats
from tfner.data.windows import cores, cut
from tfner.document import Document, Entity
from tfner.errors import CorpusError, LabelError
from tfner.evaluation.partial import pair_entities
from tfner.evaluation.score import score
from tfner.marks import follows_space, trimmed
from tfner.reports.marks import marked
from tfner.schemes import LabelSet

ONE_INTENT = "nlu:\n- intent: a\n  examples:\n  - "
RECORD = '{"text": "a", "entities": [], "x": '


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[str, str], str]:
    """What is said of a file that must be refused."""

    def read(format: str, content: str) -> str:
        path = tmp_path / "x"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(CorpusError) as raised:
            list(read_corpus(path, format=format))
        return str(raised.value).removeprefix(f"{path}:")

    return read


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"%YAML 1.{'1' * 5000}\n---\nnlu: []\n", "1: not YAML: an escape that names"),
        (f"%YAML {'1' * 5000}.1\n---\nnlu: []\n", "1: not YAML: an escape that names"),
        ('nlu:\n- a: "\\UFFFFFFFF"\n', "2: not YAML: an escape that names no char"),
        ('nlu:\n- a: "\\U00110000"\n', "2: not YAML: an escape that names no char"),
        ("nlu: [\n...\n]\n", "2: not YAML: expected the node content, but found '<doc"),
        ('nlu: "a\n...\n"\n', "2: not YAML: found unexpected document separator"),
        ("nlu: []\n...\nx\n", "3: not YAML: expected '<document start>'"),
        ("a: &a [x]\nb: &b [*a, *a]\nnlu: *b\n", "2: an alias (*name) is not followed"),
        ("nlu: &a\n- *a\n", "2: an alias (*name) is not followed"),
        (f"nlu:\n- {'[' * 10_000}\n", "2: this YAML nests too deeply; mend it here"),
        (f"nlu:\n{'- ' * 10_000}\n", "2: this YAML nests too deeply; mend it here"),
        ("nlu: !!python/object:os.system x\n", "1: `nlu:` must be a list of intents"),
        ("nlu: !%F0%9F b\n", "1: not YAML: 'utf-8' codec can't decode"),
        (f'{ONE_INTENT}text: "b \\ud800"\n', "4: text holds a lone surrogate at"),
        (f'{ONE_INTENT}text: b\n    metadata: "\\ud8ff"\n', "4: text holds a lone sur"),
    ],
)
def test_yaml_is_refused_with_its_line(refused, content: str, said: str) -> None:
    assert refused("rasa-yaml", content).startswith(said)


@pytest.mark.parametrize(
    ("format", "content", "said"),
    [
        (
            "jsonl",
            f"{RECORD}NaN}}\n",
            "1: not JSON: NaN; write a finite number or null",
        ),
        ("jsonl", f"{RECORD}-Infinity}}\n", "1: not JSON: -Infinity; write a finite"),
        ("jsonl", f"{RECORD}1e999}}\n", "1: not JSON: 1e999; write a finite number"),
        (
            "jsonl",
            f"{RECORD}{'9' * 5000}}}\n",
            "1: JSON beyond all measure: a number of",
        ),
        (
            "jsonl",
            f"{RECORD}{'[' * 100_000}\n",
            "1: JSON beyond all measure: nested too",
        ),
        ("jsonl", f"[\n{'[' * 100_000}", "2: JSON beyond all measure: nested too deep"),
        ("jsonl", f'{RECORD}"\\ud800"}}\n', "1: the record holds a lone surrogate"),
        ("rasa", '- [b]{"entity": "\\ud800"}\n', "1: column 6: a lone surrogate, half"),
        (
            "rasa",
            '- [b]{"entity": "c", "x": NaN}\n',
            "1: column 6: not JSON: NaN; write",
        ),
        (
            "rasa",
            f'- [b]{{"a": {"[" * 100_000}\n',
            "1: column 6: JSON beyond all measure",
        ),
        (
            "rasa",
            f'- [b]{{"a": {"9" * 5000}}}\n',
            "1: column 6: JSON beyond all measure",
        ),
        ("pubtator", f"1|t|a\n1\t0\t{'1' * 5000}\ta\tA\n", "2: expected ID<TAB>START"),
        (
            "bioc-xml",
            "<collection a='" + "a" * (3 << 20),
            "1: a tag or comment of more",
        ),
    ],
)
def test_json_and_others_are_refused_with_their_line(
    refused, format: str, content: str, said: str
) -> None:
    assert refused(format, content).startswith(said)


def test_brat_refuses_a_number_of_thousands_of_digits(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.ann").write_text(f"T1\tA 0 {'1' * 5000}\ta\n")
    with pytest.raises(CorpusError, match=r"a\.ann:1: expected T1<TAB>LABEL START END"):
        list(read_corpus(tmp_path / "a.ann"))


def test_messages_are_short_however_much_is_wrong(refused) -> None:
    tokens = ", ".join(['"w"'] * 5000)
    assert len(refused("gliner", f'[{{"tokenized_text": [{tokens}], "ner": 1}}]')) < 500
    labels = [f"L{n}" for n in range(5000)]
    with pytest.raises(LabelError) as raised:
        LabelSet(labels + labels)
    assert str(raised.value).endswith("L19 and 9,980 more")
    assert len(refused("jsonl", "{x\n" * 20_000)) < 10_000


def test_of_a_raw_text_one_line_too_few_is_one_difference() -> None:
    texts = [str(n % 7) for n in range(3000)]
    sentences = [NumberedWords(n, [text]) for n, text in enumerate(texts, 1)]
    lines = list(enumerate(texts, 1))
    assert find_differences("a", sentences, "b", lines) == []
    for gone in (0, 1499, 2999):
        rest = lines[:gone] + lines[gone + 1 :]
        (found,) = find_differences("a", sentences, "b", rest)
        assert (found.path, found.message.split(" is ")[0]) == ("a", "no line of b")
    changed = [*lines[:600], (601, "x"), *lines[601:2000], *lines[2001:]]
    assert len(find_differences("a", sentences, "b", changed)) == 2


def blank(n: int) -> object:
    text = f"{' ' * n}a{' ' * n}"
    return [trimmed(text, i, 2 * n) for i in range(n)]


def raw_text(n: int) -> object:
    sentences = [NumberedWords(i, ["."]) for i in range(n)]
    return find_differences("a", sentences, "b", [(i, ".") for i in range(1, n)])


def statistics(n: int) -> object:
    entities = tuple(Entity(i, i + 1, f"L{i}") for i in range(n))
    return render_stats(count_corpus([Document("1", "a" * n, entities)]))


def one_long_prediction(n: int) -> object:
    gold = {Entity(2 * i, 2 * i + 1, "A") for i in range(n)}
    return pair_entities(gold, {Entity(0, 2 * n, "A")})


def marks_in_words(n: int) -> object:
    text = "\u200e" * n
    return [follows_space(text, start) for start in range(n)]


def drawn(n: int) -> object:
    nested = [Entity(i, 2 * n - i, "A") for i in range(n)]
    return sum(step.opens is not None for step in marked("a" * 2 * n, nested))


def windows(n: int) -> object:
    starts = np.arange(10 * n, dtype=np.int32)
    ranges = cut(10 * n, capacity=16, overlap=8, word_starts=starts)
    return cores(ranges, word_starts=starts)


CALLS = [
    blank,
    raw_text,
    statistics,
    one_long_prediction,
    marks_in_words,
    drawn,
    windows,
]


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_the_time_grows_with_the_size(call: Callable[[int], object]) -> None:
    begin = time.process_time()
    call(60_000)
    assert time.process_time() - begin < 5  # with the square of it, minutes


@pytest.mark.slow
def test_a_score_refuses_millions_of_overlapping_pairs() -> None:
    right, guess = (
        Document(
            "1", "a" * 6000, tuple(Entity(i, 6000 - i - side, "A") for i in range(2000))
        )
        for side in (0, 1)
    )
    with pytest.raises(CorpusError, match="more than 1,000,000 pairs of gold and pred"):
        score([right], [guess])
