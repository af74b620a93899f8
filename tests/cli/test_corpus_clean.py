"""`tfner corpus clean` as a shell runs it."""

from __future__ import annotations

import gzip
import json

JAPANESE = (
    '<doc id="1">\n雪舟\n\n雪舟は画聖である。備中国に生まれた。\n生涯\n</doc>\n'
    '<doc id="2">\n京都\n\n京都は都市である。\n</doc>\n'
)
CLEAN = "雪舟は画聖である。\n備中国に生まれた。\n\n京都は都市である。\n"


def test_clean_writes_sentences_and_says_what_it_removed(tfner, tmp_path) -> None:
    (tmp_path / "wiki_00").write_text(JAPANESE, "utf-8")
    out = tmp_path / "out.txt.gz"
    arguments = ["corpus", "clean", tmp_path / "wiki_00", out]
    result = tfner(*arguments, "--recipe", "wikipedia-ja", "--json")
    assert gzip.decompress(out.read_bytes()).decode() == CLEAN
    record = json.loads(result.out)
    assert record["sentences"] == 3
    assert record["removed"] == {
        "doc_markup": 4,
        "title": 2,
        "no_sentence_end": 1,
        "begins_with_mark": 0,
        "category": 0,
        "thumbnail": 0,
    }
    refused = tfner(*arguments, "--recipe", "wikipedia-ja")
    assert "--overwrite" in refused.sentence
    unknown = tfner(*arguments, "--recipe", "wikipedia-fr", "--overwrite")
    assert "unknown recipe 'wikipedia-fr'" in unknown.sentence


def test_clean_takes_several_inputs_and_standard_streams(tfner, tmp_path) -> None:
    for name, sentence in (("a.txt", "一。"), ("b.jsonl", '{"text": "二。\\n三"}')):
        (tmp_path / name).write_text(f"{sentence}\n", "utf-8")
    names = [tmp_path / "a.txt", tmp_path / "b.jsonl"]
    result = tfner("corpus", "clean", *names, "-", "--recipe", "wikipedia-ja")
    assert result.out == "一。\n\n二。\n"
    assert "removed by no_sentence_end: 1" in result.err
    piped = tfner(
        *("corpus", "clean", "-", "-", "--recipe", "wikipedia-ja"), stdin=b"\xe4\xb8\n"
    )
    assert "-:1: not UTF-8" in piped.sentence
