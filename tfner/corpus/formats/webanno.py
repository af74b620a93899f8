r"""WebAnno TSV 3, which INCEpTION and WebAnno export: a token a line, columns by layer.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value

    #Text=Mira Sol flew.
    1-1<TAB>0-4<TAB>Mira<TAB>*[1]<TAB>PER[1]
    1-2<TAB>5-8<TAB>Sol<TAB>*[1]<TAB>PER[1]
    1-3<TAB>9-13<TAB>flew<TAB>_<TAB>_
    1-3.1<TAB>9-11<TAB>fl<TAB>*<TAB>X          a part of a token

A sentence becomes a Document. Several annotations of a token stand between bars, those
of several tokens have a number in brackets, and `\` is before characters that are
meant as themselves. The entities are those of the layer NamedEntity, or of the only
span layer beside parts of speech and lemmas; `--tags-key LAYER` or `LAYER.FEATURE`
names another. Offsets count UTF-16 units, as Java does. Other layers are left out.

Source: https://inception-project.github.io/releases/34.0/docs/user-guide.html
    #sect_formats_webannotsv3
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.corpus.joining import place_words
from tfner.document import Document, Entity, Word
from tfner.errors import CorpusError, listed, shorten
from tfner.storage.lines import read_lines, stem_of

logger = logging.getLogger(__name__)

HEAD = "#FORMAT=WebAnno TSV 3"
SPANS, TEXT = "#T_SP=", "#Text="
LAYER = re.compile(r"#T_(SP|CH|RL)=(.*)")
TOKEN = re.compile(
    r"([0-9]+-[0-9]+)(\.[0-9]+)?\t([0-9]{1,9})-([0-9]{1,9})\t([^\t]*)(?:\t(.*))?"
)
ESCAPE = re.compile(r"\\(->|[\\\[\]|_;*tnr\t]?)")
CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}
VALUE = re.compile(r"((?:[^\\|]|\\(?:.|$))*+)(?:\||$)")
NUMBER = re.compile(r"(.*[^\\]|)\[([0-9]+)\]", re.S)
ENTITY_LAYER = "NamedEntity"
FEATURES = ("value", "label", "type", "tag", "category", "class")
"""Names of features that hold labels, in the order in which they are looked for."""
GRAMMAR = ("POS", "Lemma", "MorphologicalFeatures", "Stem", "SurfaceForm", "Token")
NONE, EMPTY = "_", "*"


@dataclass
class _Layer:
    """The columns of a layer.

    Args:
        name: its type without the package.
        features: those with columns of their own, perhaps none.
        column: of the first one, after those of the token.
        is_span: its annotations are stretches of text.
    """

    name: str
    features: list[str]
    column: int
    is_span: bool


@dataclass
class _Sentence:
    """The lines of one sentence so far."""

    line: int
    texts: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    offsets: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Number of the token and its first offset, by its name in the file."""
    annotations: list[tuple[int, int, int | None, str]] = field(default_factory=list)
    """Number of the token, then its part in UTF-16 units, and what it says."""
    is_sound: bool = True


def scan_webanno(
    path: str, options: ReadOptions
) -> Iterator[tuple[int, Document | str]]:
    """Yield messages about bad lines, and each sound sentence with its first line.

    Raises:
        CorpusError: the file does not begin as one, or has no layer of entities.
    """
    reader = _Reader(path, options)
    for number, line in read_lines(path):
        if number == 1 and not line.startswith(HEAD):
            raise CorpusError(
                f"must begin with {HEAD}. Received: {shorten(line)}", path=path, line=1
            )
        layer = LAYER.fullmatch(line)
        if layer is not None:
            reader.add_layer(layer[1], layer[2])
        elif line.startswith(TEXT):
            yield from reader.begin(number, line.removeprefix(TEXT))
        elif line.strip() and not line.startswith("#"):
            problem = reader.add(number, line)
            if problem is not None:
                yield number, problem
    yield from reader.end()
    reader.log()


class _Reader:
    """Knowledge of one file while it is read.

    Args:
        path: of the file.
        options: `tags_key` and `tags` are used.
    """

    def __init__(self, path: str, options: ReadOptions) -> None:
        self._path, self._options, self._stem = path, options, stem_of(path)
        self._layers: list[_Layer] = []
        self._columns = 0
        self._chosen: tuple[int, str] | None = None
        self._is_chosen = False
        self._sentence: _Sentence | None = None
        self._number = 0
        self._left_out: Counter[str] = Counter()
        self._numbers: set[tuple[str, str]] = set()

    def add_layer(self, kind: str, declared: str) -> None:
        """Take in a line that declares a layer, after the columns of those before."""
        name, *features = declared.split("|")
        features = [feature for feature in features if feature]
        short = name.rpartition(".")[2]
        self._layers.append(_Layer(short, features, self._columns, kind == "SP"))
        self._columns += max(len(features), 1)

    def begin(self, line: int, text: str) -> Iterator[tuple[int, Document | str]]:
        """Begin a sentence, or go on with its text; yields the one before."""
        if self._sentence is None or self._sentence.tokens:
            yield from self.end()
            self._sentence = _Sentence(line)
        self._sentence.texts.append(_plain(text))

    def end(self) -> Iterator[tuple[int, Document | str]]:
        """Yield the sentence, or what is wrong with it as a whole."""
        sentence, self._sentence = self._sentence, None
        if sentence is None or not (sentence.is_sound and sentence.tokens):
            return
        self._number += 1
        try:
            yield sentence.line, self._document(sentence)
        except ValueError as error:
            yield sentence.line, str(error)

    def add(self, number: int, line: str) -> str | None:
        """Add a line of a token; returns what is wrong with it."""
        if self._sentence is None:
            self._sentence = _Sentence(number)
        try:
            self._add(self._sentence, line)
        except ValueError as error:
            self._sentence.is_sound = False
            return str(error)
        return None

    def _add(self, sentence: _Sentence, line: str) -> None:
        match = TOKEN.fullmatch(line)
        if match is None:
            raise ValueError(
                "expected SENTENCE-TOKEN<TAB>BEGIN-END<TAB>TOKEN and columns, received "
                f"{shorten(line)}"
            )
        name, part, start, end, token, rest = match.groups()
        first, last = int(start), int(end)
        if part is None:
            sentence.offsets[name] = (len(sentence.tokens), first)
            sentence.tokens.append(_plain(token))
        elif name not in sentence.offsets:
            raise ValueError(f"{name}{part} is part of a token that is not there")
        place, origin = sentence.offsets[name]
        width = None if part is None else last - first
        for label in self._values(rest or ""):
            sentence.annotations.append((place, first - origin, width, label))

    def _values(self, rest: str) -> Iterator[str]:
        """The annotations in the column that is read."""
        if not self._is_chosen:
            self._chosen = self._find_column()
            self._is_chosen = True
        if self._chosen is None:
            return
        column, _ = self._chosen
        fields = rest.split("\t")
        if column >= len(fields):
            raise ValueError(
                f"expected a column {column + 4}, as the layers above tell; the line "
                f"has {len(fields) + 3 if rest else 3}"
            )
        if fields[column] != NONE:
            yield from filter(None, VALUE.findall(fields[column]))

    def _find_column(self) -> tuple[int, str] | None:
        """The column of the labels; beside it the layer, whose name may be the label.

        Raises:
            CorpusError: none is named, and there is not one that must be meant.
        """
        if self._options.tags == "none":
            return None
        spans = [layer for layer in self._layers if layer.is_span]
        given = self._options.tags_key
        if given is not None:
            name, _, wanted = given.partition(".")
            spans = [layer for layer in spans if name == layer.name]
        else:
            wanted = ""
            named = [layer for layer in spans if layer.name == ENTITY_LAYER]
            others = [layer for layer in spans if layer.name not in GRAMMAR]
            spans = named or others
        if len(spans) != 1 or (wanted and wanted not in spans[0].features):
            if self._options.tags != "needed":
                return None
            known = listed(
                f"{layer.name}.{feature}" if feature else layer.name
                for layer in self._layers
                if layer.is_span
                for feature in layer.features or [""]
            )
            raise CorpusError(
                f"no layer that must be the one of entities. Name one with --tags-key: "
                f"{known or 'there is none'}",
                path=self._path,
            )
        (layer,) = spans
        features = layer.features or [""]
        usual = [feature for feature in FEATURES if feature in features]
        feature = wanted or next(iter(usual), features[0])
        return layer.column + features.index(feature), layer.name

    def _document(self, sentence: _Sentence) -> Document:
        text = "\n".join(sentence.texts)
        if not sentence.texts:
            text = " ".join(sentence.tokens)
        words = _places(sentence, text)
        spans = list(self._spans(sentence, text, words))
        entities = tuple(Entity(*span) for span in spans)
        identifier = f"{self._stem}:{self._number}"
        metadata = {"document": self._stem}
        return Document(identifier, text, entities, tuple(words), metadata=metadata)

    def _spans(
        self, sentence: _Sentence, text: str, words: Sequence[Word]
    ) -> Iterator[tuple[int, int, str]]:
        """The ranges and labels; those of one number are one."""
        numbered: dict[tuple[str, str], tuple[int, int]] = {}
        before = self._numbers
        for place, offset, width, value in sentence.annotations:
            start, end = words[place]
            if width is not None:
                units = text[start:end].encode("utf-16-le")
                begin = start + _characters(units, 0, offset)
                start, end = begin, begin + _characters(units, offset, offset + width)
            given, number = _label(value)
            label = self._layer_name() if given == EMPTY else given
            if label is None or start >= end:
                self._left_out["annotations without a label or without text"] += 1
            elif number is None:
                yield start, end, label
            else:
                first, last = numbered.get((number, label), (start, end))
                numbered[number, label] = (min(start, first), max(end, last))
        self._numbers = set(numbered)
        cut = len(before & self._numbers)
        self._left_out["parts of entities that began in a sentence before"] += cut
        for key, (start, end) in numbered.items():
            if key not in before:
                yield start, end, key[1]

    def _layer_name(self) -> str | None:
        """The label of an annotation in a layer without features."""
        column, name = self._chosen or (0, "")
        layer = next(x for x in self._layers if x.name == name)
        return None if layer.features or layer.column != column else name

    def log(self) -> None:
        """Tell which layer was read, and how much was left out."""
        if self._chosen is not None:
            logger.info(
                "%s: entities are those of layer %s", self._path, self._chosen[1]
            )
        for what, count in (+self._left_out).items():
            logger.warning("%s: left out: %s %s", self._path, f"{count:,}", what)


def _places(sentence: _Sentence, text: str) -> list[Word]:
    """The ranges of the tokens.

    They go by the text, or where parts of that are in no token, by the offsets.

    Raises:
        ValueError: a token is not there.
    """
    try:
        return place_words(sentence.tokens, text)
    except ValueError:
        widths = [1 + (character > "\uffff") for character in text]
        at = {unit: place for place, unit in enumerate(accumulate(widths, initial=0))}
        units = {place: unit for unit, place in at.items()}
    firsts = [first for _, first in sentence.offsets.values()]
    origin = firsts[0] - units.get(text.find(sentence.tokens[0]), 0)
    words: list[Word] = []
    for token, first in zip(sentence.tokens, firsts, strict=True):
        start = at.get(first - origin, -1)
        last = words[-1].end if words else 0
        if start < last or not text.startswith(token, start):
            raise ValueError(
                f"the token {shorten(token)} does not stand at its offset in #Text"
            )
        words.append(Word(start, start + len(token)))
    return words


def _label(value: str) -> tuple[str, str | None]:
    """The label of a value, and its number if it has one."""
    match = NUMBER.fullmatch(value)
    label, number = match.groups() if match is not None else (value, None)
    return label if label == EMPTY else _plain(label).strip() or EMPTY, number


def _plain(text: str) -> str:
    r"""A text without its escapes: `\_` is `_`."""
    if "\\" not in text:
        return text
    return ESCAPE.sub(lambda match: CONTROLS.get(match[1], match[1] or "\\"), text)


def _characters(units: bytes, start: int, end: int) -> int:
    """The number of characters between two places in UTF-16."""
    if not 0 <= start <= end <= len(units) // 2:
        raise ValueError("a part of a token lies outside it; check its offsets")
    return len(units[2 * start : 2 * end].decode("utf-16-le", "replace"))


def _recognise(sample: Sample) -> str | None:
    return f"its line {HEAD}…" if sample.text.startswith(HEAD) else None


FORMAT = Format(
    name="webanno",
    about="WebAnno TSV 3 of INCEpTION and WebAnno: tokens and layers",
    scan=scan_webanno,
    recognise=_recognise,
)
