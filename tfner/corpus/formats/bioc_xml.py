"""BioC XML: a collection of documents, read one at a time.

    <collection><source/><date/><key/><document><id>7</id><passage><offset>0</offset>
    <text>Mira syndrome.</text><annotation id="T1"><infon key="type">Disease</infon>
    <location offset="0" length="13"/><text>Mira syndrome</text></annotation></passage>
    </document></collection>

The document type that most files name is not fetched, and a file that declares
entities is refused: they can blow up beyond all memory, or name files of this machine.
See `tfner.corpus.formats.bioc` for what becomes of a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TextIO
from xml.parsers import expat

from tfner.corpus.formats.bioc import LINE, Reader, to_bioc
from tfner.corpus.formats.format import Format, rendered
from tfner.corpus.formats.options import ReadOptions
from tfner.corpus.formats.sample import Sample
from tfner.document import Document
from tfner.errors import CorpusError
from tfner.storage.lines import read_blocks, stem_of

LISTS = {
    "passage": "passages",
    "sentence": "sentences",
    "annotation": "annotations",
    "location": "locations",
    "relation": "relations",
}
"""Elements that become objects, and the keys of the lists that hold them."""
VALUES = ("id", "offset", "text")
"""Elements that become values of the object around them."""
ATTRIBUTES = ("id", "offset", "length")
MAX_DOCUMENT = 1 << 26
"""Characters of the longest document."""
MAX_TAG = 1 << 20
"""Bytes of the longest tag or comment: Expat begins anew with one at every block."""
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)

Found = tuple[int, Document | str]


class _Refused(Exception):
    """The file holds what is not read."""


class _Parser:
    """Builds the documents of a file of which it gets one block after another."""

    def __init__(self) -> None:
        self.found: list[tuple[int, dict[str, Any]]] = []
        self.is_bioc = False
        self._objects: list[dict[str, Any]] = []
        self._lists: list[str] = []
        self._text: list[str] | None = None
        self._key, self._size, self._line = "", 0, 0
        self._fed = 0
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.EntityDeclHandler = self._refuse
        self._expat.SkippedEntityHandler = self._refuse

    def feed(self, block: bytes, *, is_last: bool = False) -> None:
        """Parse a block; `found` then holds the documents that it ends.

        Raises:
            CorpusError: no XML, an entity, or a tag without end.
        """
        self._fed += len(block)
        try:
            self._expat.Parse(block, is_last)
            if self._fed - self._expat.CurrentByteIndex > MAX_TAG:
                raise _Refused(
                    f"a tag or comment of more than {MAX_TAG >> 20} MB. Check that it "
                    "is closed"
                )
        except expat.ExpatError as error:
            message = f"not XML: {expat.ErrorString(error.code)}"
            raise CorpusError(message, line=error.lineno) from None
        except (ValueError, LookupError) as error:
            raise CorpusError(f"not XML: {error}", line=1) from None
        except _Refused as error:
            line = self._expat.CurrentLineNumber
            raise CorpusError(str(error), line=line) from None

    def _refuse(self, name: str, *rest: object) -> None:
        del rest
        raise _Refused(
            f"the entity {name} is declared or used; such files can do harm. Write "
            "the characters themselves"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "document":
            self._objects, self._lists, self._size = [{"infons": {}}], [], 0
            self._line = self._expat.CurrentLineNumber
            self.is_bioc = True
        elif name == "collection":
            self.is_bioc = True
        elif self._objects and name in LISTS:
            line = self._expat.CurrentLineNumber
            known = {k: v for k, v in attributes.items() if k in ATTRIBUTES}
            self._objects.append({**known, "infons": {}, LINE: line})
            self._lists.append(name)
        elif self._objects and (name in VALUES or name == "infon"):
            self._key, self._text = attributes.get("key", ""), []

    def _characters(self, text: str) -> None:
        if self._text is None:
            return
        self._text.append(text)
        self._size += len(text)
        if self._size > MAX_DOCUMENT:
            raise _Refused(
                f"a document of more than {MAX_DOCUMENT >> 20} million characters. "
                "Cut it into several"
            )

    def _end(self, name: str) -> None:
        if not self._objects:
            return
        if name == "document":
            self.found.append((self._line, self._objects[0]))
            self._objects = []
        elif self._lists and name == self._lists[-1]:
            done = self._objects.pop()
            key = LISTS[self._lists.pop()]
            self._objects[-1].setdefault(key, []).append(done)
        elif self._text is not None and name == "infon":
            self._objects[-1]["infons"][self._key] = "".join(self._text)
        elif self._text is not None and name in VALUES:
            content = "".join(self._text)
            self._objects[-1][name] = content if name == "text" else content.strip()
        if name in VALUES or name == "infon":
            self._text = None


def scan_bioc_xml(path: str, options: ReadOptions) -> Iterator[Found]:
    """Yield messages about problems, and each sound document with its first line.

    Raises:
        CorpusError: the file is no XML, or no BioC.
    """
    parser, reader, number = _Parser(), Reader(path, options), 0
    for block, is_last in _blocks(path):
        try:
            parser.feed(block, is_last=is_last)
        except CorpusError as error:
            raise CorpusError(str(error), path=path, line=error.line) from None
        for line, source in parser.found:
            number += 1
            found = reader.read(source, f"{stem_of(path)}:{number}")
            if isinstance(found, Document):
                yield line, found
                continue
            for at, message in found:
                yield at or line, message
        parser.found.clear()
    if not parser.is_bioc:
        raise CorpusError(
            "XML without a <document>, so no BioC. Check that this is the file that "
            "you mean",
            path=path,
        )
    reader.log()


def _blocks(path: str) -> Iterator[tuple[bytes, bool]]:
    for block in read_blocks(path):
        yield block, False
    yield b"", True


def write_bioc_xml(
    documents: Iterable[Document], stream: TextIO, *, scheme: str | None = None
) -> int:
    """Write a collection of documents, each of one passage.

    Args:
        documents: may be an iterator.
        stream: gets the text.
        scheme: not used; entities need none.

    Returns:
        Number of documents written.

    Raises:
        CorpusError: characters that XML cannot hold; all such documents are named.
    """
    del scheme
    written = 0
    stream.write(
        '<?xml version="1.0" encoding="UTF-8"?>\n<collection>\n'
        "<source>tfner</source><date></date><key></key>\n"
    )
    for _, content in rendered(documents, _content):
        stream.write(content)
        written += 1
    stream.write("</collection>\n")
    return written


def _content(document: Document) -> str:
    content = "".join(_xml(document))
    if bad := NOT_XML.search(content):
        code = ord(bad[0])
        raise CorpusError(
            f"document {document.id!r} holds U+{code:04X}, which XML cannot hold; "
            "write jsonl"
        )
    return content


def _xml(document: Document) -> Iterator[str]:
    source = to_bioc(document)
    (passage,) = source["passages"]
    yield f"<document><id>{_escaped(document.id)}</id>\n"
    yield f"<passage><offset>0</offset><text>{_escaped(document.text)}</text>\n"
    for annotation in passage["annotations"]:
        (place,) = annotation["locations"]
        yield f'<annotation id="{annotation["id"]}">'
        for key, value in annotation["infons"].items():
            yield f'<infon key="{key}">{_escaped(value)}</infon>'
        yield f'<location offset="{place["offset"]}" length="{place["length"]}"/>'
        yield f"<text>{_escaped(annotation['text'])}</text></annotation>\n"
    yield "</passage></document>\n"


def _escaped(text: str) -> str:
    return text.translate(ESCAPED)


def _recognise(sample: Sample) -> str | None:
    if sample.suffix not in ("", ".xml") and not sample.text.startswith("<?xml"):
        return None
    is_bioc = re.search(r"<collection[\s>].*<document[\s>]", sample.text, re.S)
    return "its <collection> of <document>s" if is_bioc else None


FORMAT = Format(
    name="bioc-xml",
    about="BioC XML: documents of passages with annotations",
    scan=scan_bioc_xml,
    write=write_bioc_xml,
    recognise=_recognise,
    suffixes=(".xml",),
    is_text=False,
)
