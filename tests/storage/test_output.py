"""What lies where a command writes is replaced or gone on with only when asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfner.errors import ConfigError, StorageError
from tfner.storage import remote
from tfner.storage.atomic import whole_directory, whole_file, write_text
from tfner.storage.output import Kind, OutputPolicy
from tfner.storage.workplace import workplace


@pytest.fixture(params=["here", "remote"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where an output is to go; nothing is there yet."""
    directory = tmp_path if request.param == "here" else Path("ram://outputs/test")
    yield directory / "model"
    if request.param == "remote":
        remote.remove(directory)


MODEL = Kind("model", {"summary.json": b"", "config.json": b"schema"})


def fill(directory: Path, name: str = "config.json", text: str = "a schema") -> None:
    with whole_directory(directory) as stage:
        (stage / name).write_text(text)


def test_nothing_is_replaced_without_a_word(place: Path) -> None:
    OutputPolicy(place).check()
    fill(place)
    with pytest.raises(ConfigError, match=r"model exists.*--overwrite"):
        OutputPolicy(place).check()
    with pytest.raises(ConfigError, match="model exists"):
        OutputPolicy(place, resume=True).check()
    OutputPolicy(place, overwrite=True).check()


def test_a_finished_output_is_only_overwritten(place: Path) -> None:
    fill(place)
    for resume in (False, True):
        policy = OutputPolicy(place, resume=resume)
        with pytest.raises(ConfigError, match=r"holds a finished model\. Add --over"):
            policy.check_finished(MODEL)
    OutputPolicy(place, overwrite=True).check_finished(MODEL)


@pytest.mark.parametrize("name", ["thesis.tex", "config.json"])
def test_what_is_of_another_kind_is_never_replaced(place: Path, name: str) -> None:
    fill(place, name, "of another program")
    for policy in (OutputPolicy(place), OutputPolicy(place, overwrite=True)):
        with pytest.raises(ConfigError, match="model exists and is no model"):
            policy.check_finished(MODEL)
    with pytest.raises(ConfigError, match="model exists and is no model"):
        OutputPolicy(place, overwrite=True).check(MODEL)


def test_a_pipe_is_no_mark_of_a_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ConfigError, match="exists and is no model"):
        OutputPolicy(tmp_path, overwrite=True).check(MODEL)


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"\x89PNG\r\n\x1a\n", "a PNG image"), (b"\0\1", "no text")],
)
def test_a_file_that_is_no_text_is_never_replaced(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (tmp_path / "out").write_bytes(content)
    with pytest.raises(ConfigError, match=f"out exists and is {what}"):
        OutputPolicy(tmp_path / "out", overwrite=True).check()


def test_an_empty_directory_and_a_device_hold_nothing(tmp_path: Path) -> None:
    OutputPolicy(tmp_path).check()
    OutputPolicy(Path("/dev/null")).check()


def test_links_and_the_working_directory_become_real_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert OutputPolicy(Path("link")).path == tmp_path / "real"
    assert OutputPolicy(Path(".")).path == tmp_path
    assert OutputPolicy(Path("other")).path == Path("other")


def test_a_pipe_behind_a_link_is_written_into() -> None:
    source, drain = os.pipe()
    policy = OutputPolicy(Path(f"/dev/fd/{drain}"))
    replaces = policy.check()
    with whole_file(policy.path, replaces=replaces) as stream:
        stream.write("text")
    os.close(drain)
    with open(source) as file:
        assert file.read() == "text"


def test_links_in_a_ring_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StorageError, match=r"a: cannot be written: Too many levels"):
        OutputPolicy(tmp_path / "a")
    with pytest.raises(StorageError, match=r"a: cannot be written: Too many levels"):
        write_text(tmp_path / "a", "text")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"new/model: cannot be written: Not a dir"):
        OutputPolicy(tmp_path / "file" / "new" / "model").check()
    OutputPolicy(tmp_path / "new" / "model").check()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_unfinished_work_stays_where_the_run_fails(tmp_path: Path) -> None:
    output = OutputPolicy(tmp_path / "model")

    def fail(policy: OutputPolicy, name: str | None) -> None:
        with workplace(policy) as (directory, mirror):
            assert mirror is None
            if name is not None:
                (directory / name).write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail(output, None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        fail(output, "checkpoint")
    with pytest.raises(ConfigError, match=r"model\.training holds an unfinished run"):
        fail(output, None)
    (tmp_path / "model.training" / ".checkpoint.0123abcd.part").touch()
    with workplace(OutputPolicy(output.path, resume=True)) as (directory, _):
        assert [path.name for path in directory.iterdir()] == ["checkpoint"]
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_to_replace_a_model_may_do_so_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    place = tmp_path / "model"
    fill(place)

    def interrupted() -> None:
        with workplace(OutputPolicy(place, overwrite=True)) as (directory, _):
            (directory / "checkpoint").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    resumed = OutputPolicy(place, resume=True)
    before = resumed.check_finished(MODEL)
    with pytest.raises(ConfigError, match="holds a finished model"):
        OutputPolicy(place).check_finished(MODEL)
    with workplace(resumed) as (directory, _), whole_directory(place, replaces=before):
        assert (directory / "checkpoint").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    fill(place)  # another model than the one that was to be replaced
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    fill(place)
    with pytest.raises(ConfigError, match="holds a finished model"):
        resumed.check_finished(MODEL)


def test_unfinished_work_goes_where_it_is_overwritten(tmp_path: Path) -> None:
    output = OutputPolicy(tmp_path / "model", overwrite=True)
    (tmp_path / "model.training").mkdir()
    (tmp_path / "model.training" / "checkpoint").touch()
    with workplace(output) as (directory, _):
        assert list(directory.iterdir()) == []


def test_a_workplace_that_cannot_be_made_names_the_output(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            StorageError, match=r"file/model\.training: cannot be written: Not"
        ),
        workplace(OutputPolicy(tmp_path / "file" / "model")),
    ):
        raise AssertionError
