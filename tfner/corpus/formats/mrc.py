"""NER as reading comprehension: a JSON list with a record per sentence and label.

    [{"context": "Mr Smith of Acme .", "query": "organization", "entity_label": "ORG",
      "start_position": [3], "end_position": [3], "span_position": ["3;3"],
      "impossible": false, "qas_id": "0.2"}, …]

Positions count the words of `context`, which stand between single spaces, and ends are
inclusive. `qas_id` is the sentence's id, a point and the number of the label. The
records of one sentence become one Document, whose metadata keeps the queries.

Source: ShannonAI/mrc-for-flat-nested-ner README.md, datasets/mrc_ner_dataset.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from tfner.corpus.formats.format import Format
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.joining import words_of
from tfner.corpus.records.spans import check_surrogates
from tfner.corpus.records.stream import QUESTION_KEYS, JsonStream
from tfner.corpus.tagging import REMEDY, misaligned_entities, word_spans
from tfner.document import Document, Entity, Word
from tfner.errors import ConfigError, CorpusError, counted, joined, listed, shorten
from tfner.queries import QUERIES, complete_queries, queries_of
from tfner.storage.lines import stem_of

Positions = list[tuple[int, int]]

NAME = "mrc-ner."
"""How the published files begin: `mrc-ner.train`."""


@dataclass
class _Sentence:
    """The records of one sentence so far."""

    line: int
    id: str
    context: str
    words: tuple[Word, ...]
    queries: dict[str, str] = field(default_factory=dict)
    entities: list[Entity] = field(default_factory=list)

    def document(self) -> Document:
        return Document(
            self.id,
            self.context,
            tuple(self.entities),
            self.words,
            metadata={QUERIES: self.queries},
        )


def scan_mrc(path: str, options: ReadOptions) -> Iterator[tuple[int, Document | str]]:
    """Yield messages about bad records, then each sentence's first line and document.

    Records belong together that share the part of `qas_id` before its last point, or,
    where they have none, follow each other with one context and several labels.

    Raises:
        CorpusError: the file is not a JSON list.
    """
    del options  # nothing in this format to choose
    sentences = _Sentences(stem_of(path))
    for number, (line, _, record, problem, _) in enumerate(JsonStream(path), 1):
        try:
            if problem is not None:
                raise ValueError(problem)
            check_record(record)
            sentence = sentences.find(record, line, number)
            sentence.entities += _entities(record, sentence.words)
            sentence.queries[record["entity_label"]] = record["query"]
        except ValueError as error:
            yield line, f"record {number}: {error}"
    for sentence in sentences.all:
        yield sentence.line, sentence.document()


class _Sentences:
    """The sentences read so far, by name, and the last one without a name.

    Args:
        stem: begins the ids of sentences without a name.
    """

    def __init__(self, stem: str) -> None:
        self.stem, self.all = stem, list[_Sentence]()
        self._named: dict[str, _Sentence] = {}
        self._nameless: _Sentence | None = None

    def find(self, record: Mapping[str, Any], line: int, number: int) -> _Sentence:
        """The sentence that a record belongs to, a new one if need be.

        Args:
            record: without problems, see `check_record`.
            line: on which it begins.
            number: of the record, from 1; names a sentence that has no other name.

        Raises:
            ValueError: the record contradicts the others of its sentence.
        """
        name = str(record.get("qas_id") or "").rpartition(".")[0]
        earlier = self._named.get(name) if name else self._nameless
        if earlier is not None:
            same_text = record["context"] == earlier.context
            repeated = record["entity_label"] in earlier.queries
            if same_text and not repeated:
                return earlier
            if name and not same_text:
                raise ValueError(
                    f"its context is not that of the others of {name!r}; `qas_id` up "
                    "to its last point must be the sentence's own. Received: "
                    f"{shorten(record['context'])}"
                )
            if name:
                raise ValueError(
                    f"{record['entity_label']} is asked twice of sentence {name!r}"
                )
        sentence = _Sentence(
            line,
            name or f"{self.stem}:{number}",
            record["context"],
            _words(record["context"]),
        )
        self.all.append(sentence)
        if name:
            self._named[name] = sentence
        else:
            self._nameless = sentence
        return sentence


def _words(context: str) -> tuple[Word, ...]:
    words, start = [], 0
    for word in context.split(" "):
        words.append(Word(start, start + len(word)))
        start += len(word) + 1
    return tuple(words)


def check_record(record: object) -> None:
    """Refuse a record that lacks context, query or label.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(record, dict):
        raise ValueError('it must be {"context":, "query":, "entity_label":, …}')
    for key in ("context", "query", "entity_label"):
        value = record.get(key)
        if not isinstance(value, str) or (key != "context" and not value.strip()):
            kind = "string" if key == "context" else "string that is not empty"
            raise ValueError(
                f"`{key}` must be a {kind}. Received: {shorten(str(value))}"
            )
    check_surrogates(record["context"])


def _entities(record: Mapping[str, Any], words: Sequence[Word]) -> Iterator[Entity]:
    """Read the entities of a record.

    Raises:
        ValueError: positions contradict each other or lie outside the text.
    """
    label = record["entity_label"]
    spans = _positions(record)
    if record.get("impossible") is True and spans:
        raise ValueError(
            f"`impossible` is true, but it has {counted(len(spans), 'span')}"
        )
    for start, end in spans:
        if start > end:
            raise ValueError(f"span {start};{end} {label}: the start lies past the end")
        if start < 0 or end >= len(words):
            raise ValueError(
                f"span {start};{end} {label} lies outside the {len(words)} words of "
                "`context`; positions count from 0, ends are inclusive"
            )
        if words[start].start == words[end].end:
            raise ValueError(f"span {start};{end} {label} holds no character")
        yield Entity(words[start].start, words[end].end, label)


def _positions(record: Mapping[str, Any]) -> Positions:
    starts, ends = (record.get(f"{name}_position", []) for name in ("start", "end"))
    for values in (starts, ends):
        if not isinstance(values, list) or any(type(v) is not int for v in values):
            raise ValueError(
                "`start_position` and `end_position` must be lists of integers"
            )
    spans = record.get("span_position")
    if spans is None:
        if len(starts) != len(ends):
            raise ValueError(
                f"{counted(len(starts), 'start')} but {counted(len(ends), 'end')}, "
                "and no `span_position`"
            )
        return list(zip(starts, ends, strict=True))
    pairs = _pairs(spans)
    if ({s for s, _ in pairs}, {e for _, e in pairs}) != (set(starts), set(ends)):
        raise ValueError(
            f"`span_position` {shorten(str(spans))} contradicts `start_position` and "
            "`end_position`"
        )
    return pairs


def _pairs(spans: object) -> Positions:
    try:
        if not isinstance(spans, list):
            raise TypeError
        pairs = [tuple(map(int, span.split(";"))) for span in spans]
        return [(start, end) for start, end in pairs]
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            '`span_position` must be a list of "START;END". '
            f"Received: {shorten(str(spans))}"
        ) from None


def write_mrc(
    documents: Iterable[Document],
    stream: TextIO,
    *,
    scheme: str | None = None,
    queries: Mapping[str, str] | None = None,
) -> int:
    """Write a record per document and label, in the order of the queries.

    Args:
        documents: held in memory where no queries are known: their labels are needed.
        stream: gets a JSON list, one record a line.
        scheme: not used; entities need none.
        queries: label -> query. None takes those that the documents bring from a file
            of this format, or else makes them of the labels' names.

    Returns:
        Number of documents written.

    Raises:
        ConfigError: a label has no query, or no label is known.
        CorpusError: an entity does not begin and end with a word, or two documents
            have one id; all are named.
    """
    del scheme
    if queries is None:
        documents = list(documents)
        queries = _known_queries(documents)
    written, problems, ids = 0, list[str](), set[str]()
    labels = set[str]()
    stream.write("[\n")
    for document in documents:
        labels.update(entity.label for entity in document.entities)
        try:
            records = _to_records(document, queries)
            if document.id in ids:
                raise CorpusError(
                    f"document {document.id!r}: an earlier one has this id, by which "
                    "mrc files know the records of a sentence. Give it another"
                )
        except CorpusError as error:
            problems.append(str(error))
            continue
        ids.add(document.id)
        for record in records:
            separator = ",\n" if written or record is not records[0] else ""
            stream.write(separator + json.dumps(record, ensure_ascii=False))
        written += 1
    stream.write("\n]\n")
    complete_queries(sorted(labels), queries, source="the file of queries")
    if problems:
        raise CorpusError(joined(problems))
    return written


def _known_queries(documents: Sequence[Document]) -> dict[str, str]:
    """The queries that documents bring, or default ones for the labels they have.

    Raises:
        ConfigError: one label has two queries, only some labels have one, or there is
            no label.
    """
    queries = queries_of(documents)
    labels = sorted({entity.label for d in documents for entity in d.entities})
    if not labels and not queries:
        raise ConfigError(
            "mrc files hold a record per document and label, and the corpus has "
            "neither an entity nor queries. Give a file of queries: `corpus convert "
            "--queries FILE`."
        )
    return complete_queries(labels, queries or None, source="the corpus")


def _to_records(document: Document, queries: Mapping[str, str]) -> list[dict[str, Any]]:
    """One record for each query.

    Raises:
        CorpusError: an entity does not begin and end with a word, or a word holds a
            space.
    """
    words = words_of(document)
    surfaces = [document.surface(word) for word in words]
    spaced = next((surface for surface in surfaces if " " in surface), None)
    if spaced is not None:
        raise CorpusError(
            f"document {document.id!r}: the word {shorten(spaced)} holds a space, "
            "which separates words in mrc files. Write jsonl"
        )
    stray = misaligned_entities(document.entities, words)
    if stray:
        places = listed(f"{e.start}-{e.end} {e.label}" for e in stray)
        raise CorpusError(
            f"document {document.id!r}: no word boundary at entity {places}; mrc files "
            f"count words. {REMEDY}"
        )
    spans_of = defaultdict[str, Positions](list)
    for span in sorted(word_spans(document.entities, words)):
        spans_of[span.label].append((span.start, span.end - 1))
    records = []
    for number, (label, query) in enumerate(queries.items(), 1):
        spans = spans_of[label]
        records.append(
            {
                "context": " ".join(surfaces),
                "query": query,
                "entity_label": label,
                "start_position": [start for start, _ in spans],
                "end_position": [end for _, end in spans],
                "span_position": [f"{start};{end}" for start, end in spans],
                "impossible": not spans,
                "qas_id": f"{document.id}.{number}",
            }
        )
    return records


FORMAT = Format(
    name="mrc",
    about="reading comprehension: a record a sentence and label",
    scan=scan_mrc,
    write=write_mrc,
    recognise=lambda sample: (
        "the keys `context` and `query`"
        if sample.record.keys() >= QUESTION_KEYS
        else None
    ),
    names=(f"{NAME}*",),
    holds_queries=True,
)
