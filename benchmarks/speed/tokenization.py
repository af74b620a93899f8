"""Speed of Japanese tokenization, and equality of its pieces with transformers'.

Encodes every line of text files with tfner and with `BertJapaneseTokenizer`, compares
pieces and ids of all lines, and times both by turns, chunk by chunk, in one process.
tfner gives pieces, ids, words and offsets; the peer is timed where it gives pieces
alone (`tokenize`), pieces and ids, and ids with masks (a call). All of kyoto_wiki_ja
and UD_Japanese-GSD take two minutes on two idle cores:

    python -m benchmarks.speed.tokenization VOCABULARY kyoto_wiki_ja.txt.gz \
        gsd/raw/*.txt --output tokenization_ja.json
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import transformers

from benchmarks import harness
from tfner import load_tokenizer

CHUNK = 2000
Method = Callable[[str], Any]


def main() -> None:
    """Compare, measure and write."""
    parser = harness.parser(__doc__)
    parser.add_argument("vocabulary", type=Path, help="directory with vocab.txt")
    parser.add_argument("corpora", type=Path, nargs="+", help="text, possibly gzipped")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    corpora = {path.name: read(path) for path in args.corpora}
    lines = [line for texts in corpora.values() for line in texts]
    ours = load_tokenizer(args.vocabulary)
    peer = transformers.BertJapaneseTokenizer(
        str(args.vocabulary / "vocab.txt"),
        do_lower_case=False,
        word_tokenizer_type="mecab",
        mecab_kwargs={"mecab_dic": "ipadic"},
    )
    methods: dict[str, Method] = {
        "tfner": ours.encode,
        "peer_pieces": peer.tokenize,
        "peer_pieces_and_ids": lambda t: peer.convert_tokens_to_ids(peer.tokenize(t)),
        "peer_call": peer,
    }
    equal = {name: parity(ours, peer, texts) for name, texts in corpora.items()}
    seconds = measured(methods, lines, args.repeats)
    medians = harness.medians(seconds)
    record = {
        "vocabulary": args.vocabulary.name,
        "lines": {name: len(texts) for name, texts in corpora.items()},
        "equal_lines": equal,
        "characters": sum(map(len, lines)),
        "repeats": args.repeats,
        "seconds": seconds,
        "median_seconds": medians,
        "lines_per_second": {n: round(len(lines) / s, 1) for n, s in medians.items()},
        "speed_ratio": {n: s / medians["tfner"] for n, s in medians.items()},
    }
    harness.write(record, args.output)
    harness.show(record)


def read(path: Path) -> list[str]:
    """Return the lines of a file that are not blank."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    lines = content.decode("utf-8").split("\n")
    return [line.rstrip("\r") for line in lines if line.strip()]


def parity(ours: Any, peer: Any, lines: Sequence[str]) -> int:
    """Count the lines with equal pieces and equal ids."""
    equal = 0
    for line in lines:
        found, pieces = ours.encode(line), peer.tokenize(line)
        same = list(found.pieces) == pieces
        equal += same and found.ids.tolist() == peer.convert_tokens_to_ids(pieces)
    return equal


def measured(
    methods: dict[str, Method], lines: Sequence[str], repeats: int
) -> dict[str, list[float]]:
    """Return processor seconds of every pass; methods take turns after each chunk."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(repeats):
        spent = dict.fromkeys(methods, 0.0)
        for start in range(0, len(lines), CHUNK):
            for name, method in methods.items():
                begin = time.process_time()
                for line in lines[start : start + CHUNK]:
                    method(line)
                spent[name] += time.process_time() - begin
        for name, total in spent.items():
            seconds[name].append(round(total, 3))
    return seconds


if __name__ == "__main__":
    main()
