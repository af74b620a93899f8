"""JSON records and brat's pairs made to be slow to read, like `hostile_texts`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from benchmarks.hostile_texts import Make, around, rows

PAIR = "\x1d"
"""Between the text and the annotations of a pair of brat's."""
Values = Callable[[int], Any]


def record(**fields: Values) -> Make:
    """Return a record of a text of 2n characters, and of fields that grow with n."""

    def make(n: int) -> str:
        values = {"text": "ab" * n} | {key: field(n) for key, field in fields.items()}
        return json.dumps(values) + "\n"

    return make


def listed(**fields: Values) -> Make:
    """Return a list of one such record."""
    return lambda n: f"[{record(**fields)(n)}]"


def each(part: Callable[[int], Any]) -> Values:
    """Return a list of n parts."""
    return lambda n: [part(i) for i in range(n)]


def same(part: Any) -> Values:
    """Return a list of a part n times."""
    return lambda n: [part] * n


def whole(part: Callable[[int], Any]) -> Values:
    """Return a list of a part n times, which gets the length of the text."""
    return lambda n: [part(2 * n)] * n


def nested(n: int) -> list[dict[str, Any]]:
    """Return entities of which each lies in the one before."""
    return [{"start": i, "end": 2 * n - i, "label": "A"} for i in range(n)]


def crossing(n: int) -> list[dict[str, Any]]:
    """Return entities that all cross each other."""
    return [{"start": i, "end": n + i + 1, "label": "A"} for i in range(n)]


def none(n: int) -> list[Any]:
    """Return no entities."""
    return []


def passages(many: str) -> Make:
    """Return a document of BioC JSON."""
    place, infons = {"offset": 0, "length": 1}, {"type": "A"}

    def note(*places: dict[str, int], text: str = "") -> dict[str, Any]:
        return {"id": "1", "infons": infons, "text": text, "locations": [*places]}

    def make(n: int) -> str:
        text = "ab" * n
        places = [{"offset": 2 * i, "length": 1} for i in range(n)]
        notes = {
            "annotations": [note(place)] * n,
            "quotes": [note({"offset": 0, "length": 2 * n}, text="x")] * n,
            "locations": [note(*places)],
        }
        parts = [{"offset": 0, "text": text, "annotations": notes.get(many, [])}]
        if many == "passages":
            parts = [
                {"offset": at["offset"], "text": "a", "annotations": [note(at)]}
                for at in places
            ]
        return json.dumps({"documents": [{"id": "1", "passages": parts}]})

    return make


def tasks(text: str = "ab", *, texts: int = 1, quote: str | None = None) -> Make:
    """Return a task of Label Studio with n regions.

    Args:
        text: is repeated n times.
        texts: how many there are in the task.
        quote: what each region says that it holds; its last character if None.
    """

    def make(n: int) -> str:
        size = len(text.encode("utf-16-le")) // 2
        value = {"text": text[-1] if quote is None else quote, "labels": ["A"]}
        result = [
            {
                "type": "labels",
                "value": {"start": size * i - 1, "end": size * i, **value},
            }
            for i in range(1, n + 1)
        ]
        data = {f"text{i or ''}": text * n for i in range(texts)}
        return json.dumps([{"data": data, "annotations": [{"result": result}]}])

    return make


def examples(**fields: Values) -> Make:
    """Return Rasa JSON of one example."""
    return lambda n: (
        '{"rasa_nlu_data": {"common_examples": [' + record(**fields)(n) + "]}}"
    )


def pair(lines: Make) -> Make:
    """Return a pair of brat's with a text of 2n characters."""
    return lambda n: "ab" * n + PAIR + lines(n)


QUERY = {"context": "a b", "query": "q", "entity_label": "L", "qas_id": "1.1"}
POSITIONS = {"start_position": [0], "end_position": [0]}
NESTED = '{"text": "a", "x": '
TWO_LINES = '{"text": "ab",\n"entities": []}\n'

RECORDS: dict[str, Make] = {
    "jsonl: entities": record(entities=each(lambda i: [i, i + 1, f"L{i}"])),
    "jsonl: nested": record(entities=nested),
    "jsonl: crossing": record(entities=crossing),
    "jsonl: one range": record(entities=whole(lambda size: [0, size, "A"])),
    "jsonl: labels of one range": record(
        entities=lambda n: [[0, 2 * n, f"L{i}"] for i in range(n)]
    ),
    "jsonl: blank entities": record(
        text=lambda n: " " * n, entities=lambda n: [[0, n, "A"]] * n
    ),
    "jsonl: blank ends": record(
        text=lambda n: " " * n + "a" + " " * n,
        entities=lambda n: [[i, 2 * n, "A"] for i in range(n)],
    ),
    "jsonl: marks at ends": record(
        text=lambda n: "\u200e" * n + "a" + "\u200e" * n,
        entities=lambda n: [[i, 2 * n, "A"] for i in range(n)],
    ),
    "jsonl: outside": record(entities=each(lambda i: [0, 10**9 + i, "A"])),
    "jsonl: words": record(words=each(lambda i: [2 * i, 2 * i + 1]), entities=none),
    "jsonl: wrong words": record(words=same([0, 1]), entities=none),
    "jsonl: entities in words": record(
        words=each(lambda i: [2 * i, 2 * i + 2]),
        entities=each(lambda i: [2 * i, 2 * i + 1, "A"]),
    ),
    "jsonl: tokens": record(
        text=lambda n: "w " * n, tokens=same("w"), tags=each(lambda i: f"B-L{i}")
    ),
    "jsonl: tokens elsewhere": record(tokens=same("w"), tags=same("B-A")),
    "jsonl: empty tokens": record(tokens=same(""), tags=same("B-A")),
    "jsonl: numbers": record(
        text=lambda n: "w " * n, tokens=same("w"), ner_tags=each(lambda i: i)
    ),
    "jsonl: strange tags": record(tokens=same("w"), tags=each(lambda i: f"x{i}y z")),
    "jsonl: annotations elsewhere": record(
        mine=same({"start": 0, "end": 1, "label": "A"}), entities=none
    ),
    "jsonl: records": rows('{"text": "ab", "entities": [[0, 1, "A"]]}\n'),
    "jsonl: no JSON": rows("{x\n"),
    "jsonl: open": rows("{\n"),
    "jsonl: open records": rows('{"text": "ab", "entities": [],\n'),
    "jsonl: records on two lines": rows(TWO_LINES),
    "jsonl: records after a large one": lambda n: (
        '{"text": "' + "a" * 20 * n + '",\n"entities": []}\n' + TWO_LINES * n
    ),
    "jsonl: lists": around("[", '{"text": "ab", "entities": []},', '{"text": "a"}]'),
    "jsonl: open lists": rows("[", end=""),
    "jsonl: nesting": lambda n: NESTED + "[" * n + "]" * n + "}\n",
    "jsonl: nesting on lines": lambda n: (
        (NESTED + "[" * 2000 + "]" * 2000 + "}\n") * (n // 100)
    ),
    "jsonl: an open text": around('{"text": "', "a", "\n"),
    "jsonl: open texts": rows('{"text": "a\n'),
    "jsonl: escapes": around('{"text": "', "\\u00e9", '", "entities": []}\n'),
    "jsonl: blank lines": around('{"text": "a", "entities": []}\n', " \n", ""),
    "jsonl: halves": rows('{"text": "\\ud800", "entities": []}\n'),
    "jsonl: digits": around(NESTED, "9", "}\n"),
    "doccano: labels": record(label=each(lambda i: [i, i + 1, "A"])),
    "prodigy: spans": record(spans=nested, answer=lambda n: "accept"),
    "prodigy: tokens": record(
        spans=none,
        answer=lambda n: "accept",
        tokens=each(lambda i: {"text": "ab", "start": 2 * i, "end": 2 * i + 2}),
    ),
    "labelstudio: regions": tasks(),
    "labelstudio: wrong quotes": tasks(quote="x"),
    "labelstudio: two texts": tasks(texts=2),
    "labelstudio: UTF-16": tasks("\U0001f600a"),
    "stockmark: entities": listed(
        entities=each(lambda i: {"name": "a", "span": [2 * i, 2 * i + 1], "type": "A"})
    ),
    "stockmark: quotes": listed(
        entities=whole(lambda size: {"name": "a", "span": [0, size], "type": "A"})
    ),
    "mrc: queries": lambda n: json.dumps(
        [{**QUERY, **POSITIONS, "entity_label": f"L{i}"} for i in range(n)]
    ),
    "mrc: positions": lambda n: json.dumps(
        [
            {
                **QUERY,
                "context": "a " * n,
                "span_position": [f"{i};{i}" for i in range(n)],
            }
        ]
    ),
    "mrc: contexts": lambda n: json.dumps(
        [{**QUERY, **POSITIONS, "context": f"a {i}"} for i in range(n)]
    ),
    "gliner: spans": listed(
        tokenized_text=same("w"), ner=each(lambda i: [i, i, f"L{i}"])
    ),
    "gliner: one range": listed(
        tokenized_text=same("w"), ner=lambda n: [[0, n - 1, "A"]] * n
    ),
    "bioc-json: annotations": passages("annotations"),
    "bioc-json: passages": passages("passages"),
    "bioc-json: locations": passages("locations"),
    "bioc-json: quotes": passages("quotes"),
    "rasa-json: entities": examples(
        entities=each(
            lambda i: {"start": i, "end": i + 1, "value": f"{i}", "entity": "A"}
        )
    ),
    "rasa-json: one range": examples(
        entities=whole(
            lambda size: {"start": 0, "end": size, "value": "", "entity": "A"}
        )
    ),
    "spacy-json: pairs": rows('["ab", {"entities": [[0, 1, "A"]]}]\n'),
    "spacy-json: entities": lambda n: json.dumps(
        [["ab" * n, {"entities": [[i, i + 1, "A"] for i in range(n)]}]]
    ),
    "brat: entities": pair(
        lambda n: "".join(f"T{i}\tA {2 * i} {2 * i + 1}\ta\n" for i in range(n))
    ),
    "brat: quotes": pair(lambda n: f"T1\tA 0 {2 * n}\ta\n" * n),
    "brat: fragments": pair(
        lambda n: (
            "T1\tA "
            + ";".join(f"{2 * i} {2 * i + 1}" for i in range(n))
            + f"\t{'a ' * n}\n"
        )
    ),
    "brat: wide fragments": pair(
        lambda n: "T1\tA " + ";".join([f"0 {2 * n}"] * n) + "\ta\n"
    ),
    "brat: relations": pair(rows("R@\tX Arg1:T1 Arg2:T2\n")),
    "brat: wrong lines": pair(rows("x\n")),
    "brat: digits": pair(around("T1\tA 0 ", "1", "\ta\n")),
    "brat: semicolons": pair(around("T1\tA 0 1", ";0 1", ";\ta\n")),
}
"""The name of a case, which begins with its format, and what makes its corpus."""
