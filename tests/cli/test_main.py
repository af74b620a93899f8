"""The command line as a whole: help, exit codes, quietness, streams that close."""

from __future__ import annotations

import shlex
import sys

import pytest

import tfner as package
from tfner.cli import main
from tfner.errors import ConfigError


def test_the_version_is_printed(tfner) -> None:
    assert tfner("--version").out == f"tfner {package.__version__}\n"


def test_help_names_every_command(tfner) -> None:
    result = tfner("--help")
    assert result.code == 0
    assert all(
        name in result.out for name in ("train", "evaluate", "predict", "corpus")
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["trian"],
        ["train", "--epoch", "3"],
        ["train", "--epochs", "many"],
        ["evaluate"],
        ["evaluate", "model"],
        ["predict", "model"],
        ["predict", "model", "file", "--text", "a"],
    ],
)
def test_usage_errors_end_with_2_and_point_to_the_help(tfner, arguments) -> None:
    result = tfner(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Usage: " in result.err
    assert "--help" in result.err


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["train", "--epochs", "3", "--seed", "1", "--epochs=5"], "--epochs"),
        (["evaluate", "m", "f", "--json", "--json"], "--json"),
        (
            ["vocab", "--lower-case", "--no-lower-case"],
            "--lower-case/--no-lower-case",
        ),
        (
            ["corpus", "stats", "f", "--from-scheme", "IO", "--from-scheme", "IO"],
            "--from-scheme",
        ),
        (["--quiet", "--quiet", "encoders"], "--quiet"),
    ],
)
def test_an_option_is_given_once(tfner, arguments, name) -> None:
    result = tfner(*arguments)
    assert (result.code, result.out) == (2, "")
    assert f"{name} is given 2 times. Give it once." in result.err


def test_an_option_of_several_values_is_given_for_each(tfner) -> None:
    result = tfner("predict", "no-model", "--text", "a", "--text", "b")
    assert result.code == 1
    assert "no-model" in result.sentence


def raising(error: BaseException):
    def app() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConfigError("a sentence."), "a sentence."),
        (FileNotFoundError(2, "No such file or directory", "x"), "x: No such file"),
        (OSError(28, "No space left on device"), "No space left on device."),
        (OSError("unusual"), "unusual."),
        (MemoryError(), "out of memory"),
        (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "no"), "U+DCFF cannot be"),
    ],
)
def test_what_a_user_can_put_right_is_one_sentence(
    tfner, monkeypatch, error, message
) -> None:
    monkeypatch.setattr(main, "app", raising(error))
    assert tfner().sentence.startswith(message)


def test_mistakes_of_the_program_keep_their_traceback(tfner, monkeypatch) -> None:
    monkeypatch.setattr(main, "app", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        tfner()


def test_traceback_shows_where_an_error_comes_from(tfner) -> None:
    result = tfner("--traceback", "corpus", "stats", "no.conll")
    assert result.code == 1
    assert "Traceback" in result.err
    assert result.err.splitlines()[-1].startswith("error: no.conll: cannot be read")


def test_ctrl_c_is_130_and_no_traceback(tfner, monkeypatch) -> None:
    monkeypatch.setattr(main, "app", raising(KeyboardInterrupt()))
    result = tfner()
    assert (result.code, result.err) == (130, "")


def test_quiet_leaves_results_and_errors(tfner, toy_corpus) -> None:
    result = tfner("--quiet", "corpus", "stats", toy_corpus / "train.conll")
    assert (result.code, result.err) == (0, "")
    assert tfner("--quiet", "corpus", "stats", "no.conll").sentence


def test_a_full_disk_behind_stdout_is_a_sentence(real, toy_corpus) -> None:
    source = toy_corpus / "train.conll"
    result = real("corpus", "stats", source, shell='"$0" "$@" >/dev/full')
    assert "No space left on device" in result.sentence


def test_a_reader_that_leaves_early_hears_nothing(real, toy_corpus) -> None:
    result = real(
        *("corpus", "convert", toy_corpus / "train.conll", "-"),
        shell='set -o pipefail; "$0" "$@" | true',
    )
    assert (result.out, "Broken" in result.err, "Trace" in result.err) == ("", 0, 0)


def test_notes_stand_once_where_a_library_logs_to_the_root(tmp_path, process) -> None:
    corpus = tmp_path / "a.bio"
    corpus.write_text("Ada\tB-PER\n\n", encoding="utf-8")
    code = (
        "import logging, sys\n"
        "from tfner.cli import main\n"
        f"sys.argv = ['tfner', 'corpus', 'stats', {str(corpus)!r}]\n"
        "try:\n    main.main()\n"
        "except SystemExit:\n    pass\n"
        "logging.warning('of a library')\n"
        "logging.getLogger('tfner').info('a note')\n"
    )
    done = process(shell=f"{sys.executable} -c {shlex.quote(code)}")
    assert done.communicate()[1].count("a note") == 1
