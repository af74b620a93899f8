"""`tfner corpus`: what the commands print, write, refuse and return."""

from __future__ import annotations

import json
import logging

import pytest
from typer.testing import CliRunner

from tfner.cli.main import app
from tfner.corpus import FORMATS
from tfner.errors import ConfigError, StorageError, TfnerError

CONTENT = "a\tB-X\nb\tI-X\n\nc\tO\n\n"


@pytest.fixture(autouse=True)
def kept_handlers():
    """The command line shows the log on what is standard error at the time."""
    logger = logging.getLogger("tfner")
    handlers, level = logger.handlers, logger.level
    yield
    logger.handlers = handlers
    logger.setLevel(level)


def run(*arguments, **options):
    return CliRunner().invoke(app, ["corpus", *map(str, arguments)], **options)


def succeed(*arguments, **options):
    result = run(*arguments, **options)
    assert result.exit_code == 0, result.output
    return result


def failure(*arguments):
    result = run(*arguments)
    assert isinstance(result.exception, TfnerError), result.output
    return result.exception


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.bio"
    path.write_text(CONTENT)
    return path


def test_convert_goes_there_and_back(source, tmp_path):
    result = succeed("convert", source, tmp_path / "b.jsonl")
    assert "2 documents, 1 entity, jsonl" in result.stderr
    succeed("convert", tmp_path / "b.jsonl", tmp_path / "c.conll")
    assert (tmp_path / "c.conll").read_text() == CONTENT


@pytest.mark.parametrize("suffix", ["md", "yml", "yaml", "json"])
def test_convert_goes_through_formats_without_words(source, tmp_path, suffix):
    other, again = tmp_path / f"b.{suffix}", tmp_path / f"c.{suffix}"
    succeed("convert", source, other)
    succeed("convert", other, tmp_path / "b.jsonl")
    succeed("convert", tmp_path / "b.jsonl", again)
    assert again.read_bytes() == other.read_bytes()
    result = succeed("check", other)
    assert "2 documents: 0 errors" in result.stdout


def test_the_formats_are_listed():
    lines = succeed("formats").stdout.splitlines()
    records = json.loads(succeed("formats", "--json").stdout)["formats"]
    assert [record["name"] for record in records] == list(FORMATS)
    for record in records:
        assert record["about"]
        assert any(line.split()[0] == record["name"] for line in lines)


def test_convert_writes_another_scheme(source, tmp_path):
    succeed("convert", source, tmp_path / "b.bio", "--scheme", "iobes")
    assert (tmp_path / "b.bio").read_text() == CONTENT.replace("I-X", "E-X")


def test_convert_refuses_a_scheme_that_contradicts_the_file(source, tmp_path):
    target = tmp_path / "b.jsonl"
    error = failure("convert", source, target, "--from-scheme", "IOE2")
    assert "contradicts the scheme IOE2" in str(error)
    assert not target.exists()


def test_convert_reads_integer_tags_with_labels(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["a", "b"], "ner_tags": [1, 0]}\n')
    succeed("convert", path, tmp_path / "b.bio", "--tag-names", "O,B-X")
    assert (tmp_path / "b.bio").read_text() == "a\tB-X\nb\tO\n\n"
    assert "lies outside" in str(
        failure("convert", path, tmp_path / "c.bio", "--tag-names", "O")
    )


def test_convert_stats_and_check_take_a_raw_text(tmp_path):
    path, raw = tmp_path / "a.bio", tmp_path / "a.raw"
    path.write_text("日本\tB-X\nNHK\tO\n\n")
    raw.write_text("日本 NHK\n")
    succeed("convert", path, tmp_path / "b.jsonl", "--raw-text", raw)
    assert json.loads((tmp_path / "b.jsonl").read_text())["text"] == "日本 NHK"
    stats = succeed("stats", path, "--raw-text", raw, "--json").stdout
    assert json.loads(stats)["characters"] == 6
    assert "0 errors" in succeed("check", path, "--raw-text", raw).stdout
    assert "one file" in str(failure("check", path, path, "--raw-text", raw))
    raw.write_text("日本 BBC\n")
    assert run("check", path, "--raw-text", raw).exit_code == 1
    error = failure("convert", path, tmp_path / "c.jsonl", "--raw-text", raw)
    assert f"{path}:1: '日本NHK' is '日本BBC' in {raw}:1" in str(error)
    assert not (tmp_path / "c.jsonl").exists()


def test_convert_writes_to_standard_output(source):
    result = succeed("convert", source, "-")
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == [
        "a b",
        "c",
    ]


RAW = [
    {"id": "1", "text": "He saw Paris, Texas.", "entities": [[7, 12], [7, 19]]},
    {"id": "2", "text": "東京都知事は小池氏", "entities": [[0, 3], [0, 2]]},
]


def test_convert_splits_words_for_formats_that_need_them(tmp_path):
    path, records = tmp_path / "a.jsonl", tmp_path / "b.json"
    lines = []
    for record in RAW:
        spans = [
            {"start": start, "end": end, "label": "LOC"}
            for start, end in record["entities"]
        ]
        lines.append(json.dumps({**record, "entities": spans}) + "\n")
    path.write_text("".join(lines), "utf-8")
    error = failure("convert", path, records, "--to", "mrc")
    assert "no word boundary at entity 7-19 LOC, 7-12 LOC" in str(error)
    assert "--split-words" in str(error)
    succeed("convert", path, records, "--to", "mrc", "--split-words", "punctuation")
    first, second = json.loads(records.read_text("utf-8"))
    assert first["context"] == "He saw Paris , Texas ."
    assert first["span_position"] == ["2;2", "2;4"]
    assert second["context"] == "東 京 都 知 事 は 小 池 氏"
    assert second["span_position"] == ["0;1", "0;2"]
    for how, contexts in (("mecab", 2), ("whitespace", 2)):
        flags = ["--to", "mrc", "--split-words", how, "--overwrite"]
        succeed("convert", path, records, *flags)
        found = json.loads(records.read_text("utf-8"))
        assert len({record["context"] for record in found}) == contexts


def test_questions_stay_questions(source, tmp_path):
    """`.json` alone would be Stockmark's."""
    queries = tmp_path / "queries.json"
    queries.write_text('{"X": "which x?", "Y": "which y?"}')
    result = succeed("convert", source, tmp_path / "b.json", "--queries", queries)
    assert "mrc" in result.stderr
    succeed("convert", tmp_path / "b.json", tmp_path / "c.json")
    copy = (tmp_path / "c.json").read_bytes()
    assert copy == (tmp_path / "b.json").read_bytes()
    flags = ["--to", "stockmark", "--queries", queries]
    error = failure("convert", source, tmp_path / "d.json", *flags)
    assert "Name the format: mrc" in str(error)


def test_convert_reads_standard_input(tmp_path):
    succeed("convert", "-", tmp_path / "a.jsonl", input="one\ntwo\n")
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 2


def test_convert_to_text_says_that_entities_are_left_out(source, tmp_path):
    result = succeed("convert", source, tmp_path / "t.txt", "--to", "text")
    assert (tmp_path / "t.txt").read_text() == "a b\nc\n"
    assert "left out" in result.stderr


def test_nothing_is_overwritten_unasked(source, tmp_path):
    (tmp_path / "b.jsonl").write_text("old")
    assert "--overwrite" in str(failure("convert", source, tmp_path / "b.jsonl"))
    assert (tmp_path / "b.jsonl").read_text() == "old"
    succeed("convert", source, tmp_path / "b.jsonl", "--overwrite")


def test_column_files_come_through_a_pipe(tmp_path):
    target = tmp_path / "out.jsonl"
    succeed("convert", "-", target, "--from", "conll", input=CONTENT)
    first, second = map(json.loads, target.read_text().splitlines())
    assert (first["text"], second["text"]) == ("a b", "c")
    assert first["entities"] == [{"start": 0, "end": 3, "label": "X"}]


def test_a_missing_file_is_a_storage_error(tmp_path):
    for command in ("stats", "convert", "split"):
        extra = [] if command == "stats" else [tmp_path / "out.jsonl"]
        error = failure(command, tmp_path / "missing.bio", *extra)
        assert isinstance(error, StorageError)
        assert "No such file" in str(error)


def test_stats_prints_a_table_or_json(source):
    assert "entities by label" in succeed("stats", source).stdout
    record = json.loads(succeed("stats", source, "--json").stdout)
    assert (record["documents"], record["labels"]) == (2, {"X": 1})


def test_stats_compares_several_files(source, tmp_path):
    other = tmp_path / "b.bio"
    other.write_text("a\tB-Y\nb\tI-Y\n\n")
    record = json.loads(succeed("stats", source, other, "--json").stdout)
    assert [file["entities"] for file in record["files"]] == [1, 1]
    assert record["duplicates"][0]["documents"] == 1
    assert record["ambiguous_surfaces"][0]["surface"] == "a b"
    text = succeed("stats", source, other).stdout
    assert f"{other}: 1 of the texts (100.0%) stand in {source}" in text
    raw = ("--raw-text", tmp_path / "raw.txt")
    assert "one file" in str(failure("stats", source, other, *raw))


def test_stats_takes_columns_and_comments(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("# c\nB-X foo\n")
    options = ("--comments", "--word-column", "1", "--tag-column", "0")
    assert json.loads(succeed("stats", path, *options, "--json").stdout)["words"] == 1
    path.write_text("foo\nbar\n")
    record = json.loads(succeed("stats", path, "--no-tags", "--json").stdout)
    assert (record["words"], record["entities"]) == (2, 0)


def test_check_returns_one_only_for_errors(source, tmp_path):
    assert "0 errors, 0 warnings, 0 notes" in succeed("check", source).stdout
    source.write_text(CONTENT + "d\tI-X\n")
    result = succeed("check", source)
    assert "a.bio:6: warning: I-X after O is not IOB2" in result.stdout
    source.write_text(CONTENT + "d\n")
    result = run("check", source)
    assert result.exit_code == 1
    assert "a.bio:6: error: expected 2 columns, received 1: 'd'" in result.stdout


def test_check_ends_with_the_verdict_and_its_exit_code(source, tmp_path):
    result = succeed("check", source)
    assert result.stdout.splitlines()[-1] == "training can start: 1 file, 1 label"
    record = json.loads(succeed("check", source, "--json").stdout)
    assert (record["can_train"], record["reason"]) == (True, "1 file, 1 label")
    source.write_text("a\tO\n\n")
    result = run("check", source)
    assert result.exit_code == 1
    assert "training cannot start: " in result.stdout.splitlines()[-1]
    assert "holds no entity" in result.stdout.splitlines()[-1]
    record = json.loads(run("check", source, "--json").stdout)
    assert (record["can_train"], record["files"][0]["error"]) == (False, 0)


def test_check_does_not_flood_the_terminal(source):
    source.write_text("".join(f"{i}\tI-X\n\n" for i in range(50)) + CONTENT * 60)
    result = succeed("check", source)
    assert result.stdout.count("after O is not IOB2") == 20
    assert "30 more of the kind invalid-transition; --all" in result.stdout
    assert "50 warnings" in result.stdout
    result = succeed("check", source, "--all")
    assert result.stdout.count("after O is not IOB2") == 50
    assert "more of the kind" not in result.stdout
    record = json.loads(succeed("check", source, "--json").stdout)
    assert record["files"][0]["kinds"]["invalid-transition"] == 50
    assert len(record["findings"]) == 51
    assert record["files"][0]["left_out"] == {}


def test_check_reports_a_missing_file_beside_the_others(source, tmp_path):
    result = run("check", source, tmp_path / "missing.bio", "--json")
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert [file["error"] for file in record["files"]] == [0, 1]
    assert record["findings"][0]["kind"] == "unreadable"
    assert record["repaired_tags"] is None


def test_check_repairs_and_counts(source, tmp_path):
    source.write_text(CONTENT + "d\tI-X\n")
    result = succeed("check", source, "--repair", tmp_path / "b.bio")
    assert "1 changed tag" in result.stderr
    assert (tmp_path / "b.bio").read_text() == CONTENT + "d\tB-X\n\n"


def test_check_writes_no_repair_of_a_file_with_errors(source, tmp_path):
    source.write_text(CONTENT + "d\n")
    result = run("check", source, "--repair", tmp_path / "b.bio")
    assert result.exit_code == 1
    assert not (tmp_path / "b.bio").exists()
    assert "was not written" in result.stderr


def test_check_repairs_one_column_file_at_a_time(source, tmp_path):
    out = tmp_path / "b.bio"
    assert "one file" in str(failure("check", source, source, "--repair", out))
    jsonl = tmp_path / "a.jsonl"
    jsonl.write_text('{"text": "a"}\n')
    assert "column files" in str(failure("check", jsonl, "--repair", out))
    assert "--overwrite" in str(failure("check", source, "--repair", source))


def test_split_writes_parts_in_the_format_of_the_input(tmp_path):
    source = tmp_path / "a.conll"
    source.write_text("".join(f"w{i} NN B-X\n\n" for i in range(20)))
    result = succeed("split", source, tmp_path / "parts", "--seed", "3", "--json")
    assert json.loads(result.stdout)["documents"] == {
        "train.conll": 16,
        "dev.conll": 2,
        "test.conll": 2,
    }
    parts = sorted((tmp_path / "parts").iterdir())
    assert [p.name for p in parts] == ["dev.conll", "test.conll", "train.conll"]
    written = "".join(p.read_text() for p in parts)
    assert sorted(written.split("\n\n")) == sorted(source.read_text().split("\n\n"))
    assert "--overwrite" in str(failure("split", source, tmp_path / "parts"))
    succeed("split", source, tmp_path / "parts", "--overwrite")


def test_split_takes_two_fractions_and_keeps_gzip(tmp_path):
    succeed("convert", "-", tmp_path / "a.jsonl.gz", input="a\nb\nc\nd\n")
    out = tmp_path / "parts"
    succeed("split", tmp_path / "a.jsonl.gz", out, "--fractions", "0.75,0.25")
    assert sorted(p.name for p in out.iterdir()) == ["dev.jsonl.gz", "train.jsonl.gz"]


@pytest.mark.parametrize("fractions", ["x", "1", "0.5,0.6", "0.2,0.2,0.2,0.4"])
def test_split_refuses_bad_fractions_and_makes_nothing(source, tmp_path, fractions):
    out = tmp_path / "parts"
    error = failure("split", source, out, "--fractions", fractions)
    assert isinstance(error, ConfigError)
    assert not out.exists()


def test_split_into_a_place_that_cannot_be_written_leaves_nothing(source, tmp_path):
    (tmp_path / "file").write_text("x")
    error = failure(
        "split", source, tmp_path / "file" / "parts", "--fractions", ".5,.5"
    )
    assert "cannot be written" in str(error)


@pytest.mark.parametrize("command", ["convert", "stats", "check", "split"])
def test_help_names_the_options(command):
    assert "--word-column" in succeed(command, "--help").stdout


def test_brat_is_split_into_directories_of_pairs(tmp_path):
    succeed("convert", "-", tmp_path / "all", "--to", "brat", input="a\nb\nc\nd\n")
    arguments = ("split", tmp_path / "all", tmp_path, "--fractions", "0.75,0.25")
    succeed(*arguments)
    parts = [len(list((tmp_path / name).iterdir())) for name in ("train", "dev")]
    assert parts == [6, 2]
    succeed(*arguments, "--overwrite")
    (tmp_path / "dev" / "model.h5").write_text("precious")
    assert "more than brat's pairs" in str(failure(*arguments, "--overwrite"))
    assert (tmp_path / "dev" / "model.h5").is_file()
