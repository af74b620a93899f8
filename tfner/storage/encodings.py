"""Recognition of files that are no UTF-8 text: other encodings, binary files."""

from __future__ import annotations

from tfner.errors import CorpusError

BOM = b"\xef\xbb\xbf"
SAMPLE = 4096
"""Bytes around the first NUL that are looked at."""
FEWEST = 8
"""NULs and other control characters that a text may hold, however short it is."""
CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r"})
CONTROL_SHARE = 0.3
"""Share of control characters from which UTF-8 is no text."""
FEW_NULS = 0.01
"""Share of NULs from which bytes that are no UTF-8 may be UTF-16."""
BINARY_SHARE = 0.03
"""Share of them from which other bytes are no text in another encoding."""
UTF16_SHARE = 0.2
"""Share of NULs from which bytes are UTF-16 although they are UTF-8, too: those of the
tabs, line ends and tags of a corpus."""

TEXT_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"PK\x03\x04": "a ZIP archive (as .zip, .docx, .xlsx and .npz are)",
    b"Rar!": "a RAR archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Office document (.doc, .xls)",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a numpy array",
    b"\x7fELF": "a program",
    **{bytes((0x80, version)): "a pickle" for version in range(2, 6)},
    **{b"x" + level: "zlib (as .spacy is)" for level in (b"\x01", b"\x9c", b"\xda")},
}
"""First bytes of files that are no text, and what they are."""
UNPACK = {
    "gzip": "end its name in .gz, or unpack it",
    "bzip2": "unpack it with bunzip2",
    "xz": "unpack it with unxz",
    "Zstandard": "unpack it with unzstd",
    "7-Zip": "unpack it",
}


def describe_binary(head: bytes) -> str | None:
    """Tell by its first bytes what a binary file is; None if they are not known.

    Example:
        >>> describe_binary(b"PAR1...")
        'a Parquet file'
    """
    return next((what for magic, what in MAGIC.items() if head.startswith(magic)), None)


def wide_encoding(content: bytes, share: float = UTF16_SHARE) -> str | None:
    """Tell UTF-16 and UTF-32 by where their NUL bytes stand; None if it is neither.

    Args:
        content: some bytes of the file, from any place.
        share: of NULs, from which they are UTF-16.

    Example:
        >>> wide_encoding("Mira".encode("utf-16-le"))
        'UTF-16'
    """
    if len(content) < 4 or content.count(0) == len(content):
        return None
    columns = [content[start::4] for start in range(4)]
    empty = [column.count(0) == len(column) for column in columns]
    if any(empty[i] and empty[i - 1] for i in range(4)):
        return "UTF-32"
    even, odd = content[::2].count(0), content[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) > share * len(content):
        code = "utf-16-le" if odd else "utf-16-be"
        text = content.decode(code, "ignore")
        return "UTF-16" if any(map(str.isalnum, text)) else None
    return None


def refuse_binary(content: bytes, head: bytes, path: object) -> None:
    """Stop at NUL bytes that show a file to be no UTF-8 text; single ones pass.

    Args:
        content: bytes that hold a NUL.
        head: the first bytes of the file.
        path: of the file, for the message.

    Raises:
        CorpusError: it is UTF-16, UTF-32 or binary.
    """
    first = content.index(0)
    sample = content[max(0, first - SAMPLE // 2) :][:SAMPLE]
    if _controls(sample) < FEWEST and not describe_binary(head):
        return
    if wide := wide_encoding(sample):
        raise CorpusError(f"not UTF-8. {_wide_hint(wide)}", path=path)
    if describe_binary(head) or _control_share(sample) > CONTROL_SHARE:
        raise CorpusError(f"no text. {binary_hint(head)}", path=path)


def _controls(sample: bytes) -> int:
    return len(sample) - len(sample.translate(None, CONTROLS))


def _control_share(sample: bytes) -> float:
    return _controls(sample) / len(sample)


def binary_hint(head: bytes) -> str:
    """Tell what a file is that is no text, and what to do."""
    what = describe_binary(head)
    if what is None:
        return "This is a binary file: name the file that holds the text."
    remedy = UNPACK.get(what, "name a corpus, or export it as text")
    return f"This is {what}: {remedy}."


def encoding_hint(content: bytes, head: bytes) -> str:
    """Tell what bytes that are no UTF-8 may be, and what to do.

    Args:
        content: the line that is no UTF-8.
        head: the first bytes of the file.
    """
    for mark, name in TEXT_MARKS.items():
        if head.startswith(mark):
            return _wide_hint(name)
    if describe_binary(head) is not None:
        return binary_hint(head)
    if wide := wide_encoding(content[:SAMPLE], FEW_NULS):
        return _wide_hint(wide)
    if _control_share(content[:SAMPLE]) > BINARY_SHARE:
        return binary_hint(b"")
    return (
        "Save the file as UTF-8: iconv -f latin1 -t utf-8 if it is Western European, "
        "else with the name of its encoding."
    )


def _wide_hint(name: str) -> str:
    return f"This looks like {name}: save the file as UTF-8 (iconv -f {name} -t utf-8)."
