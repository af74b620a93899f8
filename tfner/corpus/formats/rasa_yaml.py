"""Rasa NLU YAML: intents with sentences in which entities are marked.

    nlu:
    - intent: book_flight
      examples: |
        - from [Oslo](city) to [LA]{"entity": "city", "role": "to"}
    - intent: greet
      examples:
      - text: hello
        metadata: {"sentiment": "neutral"}

The marks are those of `rasa_markup`. Items `synonym`, `regex` and `lookup` hold no
sentences and are skipped. Only the syntax tree is read, so that a file can make no
objects: every name and sentence stays the string it is. A file is held in memory as a
whole.

Source: RasaHQ/rasa rasa/shared/nlu/training_data/formats/rasa_yaml.py (the layout).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TextIO

from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.rasa import (
    INTENT,
    NO_INTENT,
    SKIPPED,
    intent_of,
    item_start,
    log_nameless,
    log_skipped,
    parse_sentence,
)
from tfner.corpus.formats.rasa_markup import format_markup
from tfner.corpus.formats.sample import Sample
from tfner.corpus.records.spans import check_surrogates
from tfner.corpus.records.stream import DECODER
from tfner.document import Document
from tfner.errors import CorpusError, shorten
from tfner.storage.lines import read_lines, stem_of

Node = Any  # of PyYAML, imported only where a file is read
Found = Iterator[tuple[int, Document | str]]

NLU = "nlu"
EXAMPLES = "examples"
METADATA = "metadata"
UNFIT = re.compile("[^\t -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML does not allow, or at which it breaks lines."""
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Characters at which PyYAML counts a new line."""
PLAIN_NAME = re.compile(r"[^\W\d][\w/.-]*")
ROOT = re.compile("nlu *:")
ANY_ITEM = re.compile(" *- *(intent|synonym|regex|lookup) *:")
NOT_STRINGS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}


def scan_rasa_yaml(path: str, options: ReadOptions) -> Found:
    """Yield, sentence by sentence, the document or a message about what is wrong.

    Raises:
        CorpusError: the file is not YAML, or has an alias.
    """
    del options  # nothing in this format to choose
    content = "".join(line for _, line in read_lines(path, keep_ends=True))
    scan = _Scan(stem_of(path), content)
    yield from scan.file(_compose(content, path))
    log_skipped(path, scan.skipped)


def _compose(content: str, path: str) -> Node:
    """The syntax tree of a file; None for an empty one."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Node, index: Any) -> Node:
            # Aliases of aliases make a file of a few lines endless to walk through.
            if self.check_event(yaml.AliasEvent):
                raise CorpusError(
                    "an alias (*name) is not followed; write out what it stands for",
                    path=path,
                    line=self.current_event.start_mark.line + 1,
                )
            return super().compose_node(parent, index)

    try:
        loader = Loader(content)
    except yaml.reader.ReaderError as error:
        line = content.count("\n", 0, error.position) + 1
        message = f"YAML cannot hold the character U+{error.character:04X}; remove it"
        raise CorpusError(message, path=path, line=line) from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        message = f"not YAML: {error.problem} at column {mark.column + 1}"
        raise CorpusError(message, path=path, line=mark.line + 1) from None
    except RecursionError:
        message = "this YAML nests too deeply; mend it here, or split the list"
        raise CorpusError(message, path=path, line=loader.line + 1) from None
    except (ValueError, OverflowError):  # of int() and chr()
        message = (
            "not YAML: an escape that names no character, or a number of thousands of "
            "digits; mend it, or write the character itself"
        )
        raise CorpusError(message, path=path, line=loader.line + 1) from None


class _Scan:
    """One walk through the tree of a file."""

    def __init__(self, stem: str, content: str) -> None:
        self.stem = stem
        self.lines = LINE_BREAK.split(content)
        self.skipped = Counter[str]()

    def file(self, root: Node) -> Found:
        """Walk through the list `nlu`."""
        if root is None:
            return
        try:
            keys = _keys(root)
            if NLU not in keys:
                raise ValueError("Rasa's NLU data needs the key `nlu:`")
            items = keys[NLU]
        except ValueError as error:
            yield _line(root), str(error)
            return
        self.skipped.update(key for key in keys if key not in (NLU, "version"))
        if items.id == "sequence":
            for item in items.value:
                yield from self._item(item)
        elif items.value:
            yield _line(items), "`nlu:` must be a list of intents"

    def _item(self, item: Node) -> Found:
        try:
            keys = _keys(item)
            kind = next((kind for kind in (INTENT, *SKIPPED) if kind in keys), None)
            if kind is None:
                names = ", ".join((INTENT, *SKIPPED))
                raise ValueError(f"an item of `nlu:` must have one of the keys {names}")
            if kind in SKIPPED:
                self.skipped[kind] += 1
                return
            intent = _string(keys[INTENT], "the name of an intent").strip()
            if not intent:
                raise ValueError("an intent needs a name: `intent: NAME`")
            if EXAMPLES not in keys:
                raise ValueError(f"the intent {shorten(intent)} has no `examples:`")
        except ValueError as error:
            yield _line(item), str(error)
            return
        self.skipped["metadata of an intent"] += METADATA in keys
        examples = keys[EXAMPLES]
        if examples.id == "scalar" and examples.style == "|":
            yield from self._block(examples, intent)
        elif examples.id == "sequence":
            for example in examples.value:
                yield self._example(example, intent)
        else:
            yield (
                _line(examples),
                "`examples:` must be a block (`|`) of lines with '- ', or a list of "
                "`text:`",
            )

    def _block(self, block: Node, intent: str) -> Found:
        for line, text in enumerate(LINE_BREAK.split(block.value), _line(block) + 1):
            if text.strip():
                try:
                    start = item_start(text)
                    yield line, self._sentence(line, text, start, intent)
                except ValueError as error:
                    yield line, str(error)

    def _example(self, example: Node, intent: str) -> tuple[int, Document | str]:
        line = _line(example)
        try:
            keys = _keys(example)
            strange = keys.keys() - {"text", METADATA}
            if strange or "text" not in keys:
                raise ValueError("an example of a list must be `text:` and `metadata:`")
            text = _string(keys["text"], "`text:`").rstrip("\n")
            line = _line(keys["text"]) + (keys["text"].style == "|")
            document = self._sentence(line, text, 0, intent)
            if METADATA not in keys:
                return line, document
            metadata = {**document.metadata, METADATA: _plain(keys[METADATA])}
        except ValueError as error:
            return line, str(error)
        return line, replace(document, metadata=metadata)

    def _sentence(self, line: int, text: str, start: int, intent: str) -> Document:
        # YAML takes the indentation away; columns count it.
        there = "".join(self.lines[line - 1 : line])  # none after the file's end
        column = max(0, there.find(text)) + start + 1
        identifier = f"{self.stem}:{line}"
        return parse_sentence(text[start:], identifier, intent, column=column)


def _line(node: Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _keys(node: Node) -> dict[str, Node]:
    if node.id != "mapping":
        raise ValueError("expected keys with values (`key: value`)")
    values: dict[str, Node] = {}
    for key, value in node.value:
        name = _string(key, "a key")
        if name in values:
            raise ValueError(f"the key {shorten(name)} stands here twice")
        values[name] = value
    return values


def _string(node: Node, what: str) -> str:
    if node.id != "scalar":
        raise ValueError(f"{what} must be a string")
    value: str = node.value
    check_surrogates(value)
    return value


def _plain(node: Node) -> Any:
    """Metadata as JSON could hold it: a value that is not JSON's own is a string."""
    if node.id == "mapping":
        return {name: _plain(value) for name, value in _keys(node).items()}
    if node.id == "sequence":
        return [_plain(value) for value in node.value]
    check_surrogates(node.value)
    if node.style is not None:
        return node.value
    try:
        return DECODER.decode(node.value or "null")
    except ValueError:
        return node.value


def write_rasa_yaml(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write marked sentences under their intents; ids and words are left out.

    Args:
        documents: may be an iterator.
        stream: gets the lines.
        scheme: not used; marks need none.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: nested entities, line breaks, characters that YAML does not allow,
            or an intent that is no name; all such documents are named.
    """
    del scheme
    written = nameless = 0
    last = ""
    stream.write('version: "3.1"\n\nnlu:\n')
    for document, (head, example) in rendered(documents, _example_of):
        if head != last:
            stream.write(f"\n{head}" if written else head)
            last = head
        stream.write(example)
        written, nameless = written + 1, nameless + (intent_of(document) is None)
    log_nameless(nameless)
    return written


def _example_of(document: Document) -> tuple[str, str]:
    return _format_example(document, intent_of(document) or NO_INTENT)


def _format_example(document: Document, intent: str) -> tuple[str, str]:
    """The head of the item that a sentence belongs to, and the sentence's own lines."""
    is_plain = PLAIN_NAME.fullmatch(intent) and intent.casefold() not in NOT_STRINGS
    head = f"- intent: {intent if is_plain else _quoted(intent)}\n  {EXAMPLES}:"
    markup = format_markup(document)
    if METADATA in document.metadata:
        metadata = _quoted(document.metadata[METADATA])
        example = f"  - text: {_quoted(markup)}\n    {METADATA}: {metadata}\n"
    else:
        head, example = f"{head} |", f"    - {markup}\n"
    unfit = UNFIT.search(intent + example.replace("\n", ""))
    if unfit:
        raise CorpusError(
            f"document {document.id!r} holds U+{ord(unfit[0]):04X}, which YAML does "
            "not allow or takes for a line break. Write rasa or jsonl"
        )
    return f"{head}\n", example


def _quoted(value: Any) -> str:
    # JSON is YAML, and leaves no doubt about what is a string.
    return json.dumps(value, ensure_ascii=False)


def recognise(sample: Sample) -> str | None:
    """Tell Rasa's YAML by its key `nlu` and an item below it."""
    has_root = any(ROOT.match(line) for line in sample.filled)
    has_item = has_root and any(ANY_ITEM.match(line) for line in sample.filled)
    return "the key `nlu` with an intent" if has_item else None


FORMAT = Format(
    name="rasa-yaml",
    about="Rasa NLU YAML",
    recognise=recognise,
    scan=scan_rasa_yaml,
    write=write_rasa_yaml,
    suffixes=(".yaml", ".yml"),
)
