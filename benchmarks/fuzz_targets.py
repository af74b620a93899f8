"""What is fuzzed: readers of corpora, and the way from text to words and pieces.

Nothing of tfner is imported before a target is made, so that it can be instrumented.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SPECIMENS = Path("tests/corpus/specimens")
PARTS = b"\x1d"
"""Between the text and the annotations of brat's pair, in one input."""
FORMATS = {
    "conll": ("conll", "conllu", "conll2012", "webanno", "csv"),
    "json": (
        *("jsonl", "doccano", "prodigy", "labelstudio", "stockmark", "mrc", "gliner"),
        *("bioc-json", "rasa-json", "spacy-json"),
    ),
    "brat": ("brat",),
    "rasa": ("rasa", "rasa-yaml", "inline"),
}
"""Target -> the formats that its inputs are read as; their first byte chooses."""
UNICODE = [
    *("e\u0301", "か\u3099", "ｶﾞ", "㈱", "ﷺ", "ﬁ", "İ", "ß", "ſ", "ς", "Σ", "한", "각"),
    *(
        "👩\u200d👩\u200d👧🏽",
        "🇯🇵",
        "❤\ufe0f",
        "\u0e01\u0e33",
        "\u0915\u094d\u200d",
        "\u200b",
    ),
    *(
        "\u200e",
        "\u202e",
        "\u00ad",
        "\ufeff",
        "\ufffd",
        "\u3000",
        "\x85",
        "\u2028",
        "\0",
    ),
    *("\x07", "\x1c", "\ud7a3", "\ue000", "\U000e0101", "\U0001d400", "\U00020000"),
    *(
        "\U0010ffff",
        "\u0344",
        "\u0f73",
        "\u1e9b\u0323",
        "[CLS]",
        "[UNK]",
        "▁",
        "Ġ",
        "##",
    ),
    *(
        "·",
        "'",
        "-",
        ",",
        "3.5",
        "東京",
        "カタ",
        "ー",
        "々",
        "a",
        "A",
        " ",
        "\t",
        "\n",
        "\r",
    ),
]
"""Characters of which each kind is treated in its own way somewhere."""

Try = Callable[[bytes], None]


class Wrong(Exception):
    """An input shows that something which must hold does not."""


def seeds(name: str) -> Iterator[bytes]:
    """Yield what the fuzzing begins with: the specimens that the tests read."""
    if name == "alignment":
        for number in range(8):
            yield bytes([number]) + " ".join(UNICODE).encode()
            yield bytes([number]) + b"O'Brien flew to (Kyoto) on 1996-08-22."
    for number, format in enumerate(FORMATS.get(name, ())):
        path = next(p for p in SPECIMENS.iterdir() if p.name.split(".")[0] == format)
        pairs = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
        for file in pairs:
            content = file.read_bytes()
            if path.is_dir():
                content += PARTS + file.with_suffix(".ann").read_bytes()
            yield bytes([number]) + content


def target(name: str, tokenizers: list[Path]) -> Try:
    """Return what tries one input."""
    if name == "alignment":
        return alignment(tokenizers)
    folder = Path(tempfile.mkdtemp(prefix="tfner-fuzz-", dir="/dev/shm"))
    return reading(FORMATS[name], folder)


def reading(formats: tuple[str, ...], folder: Path) -> Try:
    """Read an input as one of some formats, write and read it again.

    Args:
        formats: of which the input's first byte chooses one.
        folder: for the files.
    """
    from tfner import read_corpus, write_corpus
    from tfner.corpus import FORMATS as known
    from tfner.document import Document
    from tfner.errors import CorpusError

    def attempt(content: bytes) -> None:
        format = formats[content[0] % len(formats)]
        text, _, annotations = content[1:].partition(PARTS)
        path = folder / "a"
        if format == "brat":
            path.with_suffix(".txt").write_bytes(text)
            path = path.with_suffix(".ann")
            path.write_bytes(annotations)
        else:
            path.write_bytes(content[1:])
        documents = list(read_corpus(path, format=format))
        again = written(documents, "jsonl")
        if again is not None and [*map(exact, again)] != [*map(exact, documents)]:
            raise Wrong(f"{format} written as jsonl is read as something else")
        if known[format].write is None:
            return
        again = written(documents, format)
        if again is not None and [*map(roughly, again)] != [*map(roughly, documents)]:
            raise Wrong(f"{format} written again is read as something else")

    def written(documents: list[Document], format: str) -> list[Document] | None:
        copy = folder / "copy"
        try:
            write_corpus(documents, copy, format=format)
        except CorpusError:
            return None  # the format cannot hold them, and says so
        return list(read_corpus(copy, format=format))

    def exact(document: Document) -> Any:
        entities = {(e.start, e.end, e.label) for e in document.entities}
        return document.text, document.words, entities

    def roughly(document: Document) -> Any:  # columns hold no text between words
        return [(_words_of(document, e), e.label) for e in document.entities]

    return attempt


def _words_of(document: Any, entity: Any) -> list[str]:
    inside = (w for w in document.words or () if entity.start <= w.start < entity.end)
    return [*map(document.surface, inside)] or [document.surface(entity)]


def alignment(folders: list[Path]) -> Try:
    """Cut a text into words and pieces, and hold each against the text.

    Args:
        folders: tokenizers, of which the input's first byte chooses one.
    """
    from tfner.document import Document, Entity
    from tfner.tokenization import load_tokenizer
    from tfner.tokenization.align import align, with_words

    tokenizers = [load_tokenizer(folder) for folder in folders]

    def attempt(content: bytes) -> None:
        tokenizer = tokenizers[content[0] % len(tokenizers)]
        text = content[1:].decode("utf-8", "surrogateescape")
        draw = random.Random(content)
        encoding = tokenizer.encode(text)
        check(encoding, text)
        borders = sorted(draw.randrange(len(text) + 1) for _ in range(6))
        given = list(zip(borders[::2], borders[1::2], strict=True))
        check(tokenizer.encode(text, given), text)
        same = tokenizer.encode(text, encoding.words)
        if same.pieces != encoding.pieces or same.words != encoding.words:
            raise Wrong("the words that were found give other pieces when given")
        entities = [Entity(a, b, "X") for a, b in given if a < b]
        document = Document("1", text, tuple(entities))
        found = with_words(document, lambda text: list(encoding.words))
        for policy in ("split", "expand", "drop"):
            align(found.words or (), entities, policy=policy)
        check(tokenizer.encode(text, found.words), text)

    return attempt


def check(encoding: Any, text: str) -> None:
    """Hold an encoding against its text.

    Raises:
        Wrong: words or pieces lie where none can.
    """
    reached = 0
    for start, end in encoding.words:
        if not reached <= start <= end <= len(text):
            raise Wrong(f"a word lies at {start}-{end}, after {reached}")
        reached = end
    held = [range(*word) for word in encoding.words]
    before = (-1, 0, 0)
    rows = zip(encoding.word_index.tolist(), encoding.offsets.tolist(), strict=True)
    for word, (start, end) in rows:
        if not held[word].start <= start <= end <= held[word].stop:
            raise Wrong(f"a piece lies at {start}-{end} outside word {held[word]}")
        if word < before[0] or (word == before[0] and (start, end) < before[1:]):
            raise Wrong(f"a piece at {start}-{end} of word {word} follows {before}")
        before = (word, start, end)
    if not len(encoding.pieces) == len(encoding.ids) == len(encoding.word_index):
        raise Wrong("pieces, ids and words of pieces differ in number")
