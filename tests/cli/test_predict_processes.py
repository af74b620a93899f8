"""`tfner predict --processes`: the bytes of one process, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tfner.inference.bundle import Bundle

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds within which a process has begun or ended."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, toy_corpus: Path) -> Path:
    """A column file of three chunks, some words of which no model sees."""
    path = tmp_path_factory.mktemp("texts") / "many.conll"
    sentences = (toy_corpus / "train.conll").read_text("utf-8").strip() + "\n\n"
    path.write_text((sentences + "\x07\tO\n\n") * 20, encoding="utf-8")
    return path


def test_the_number_of_processes_changes_no_byte(
    tfner, toy_bundle, texts, tmp_path
) -> None:
    outputs, notes = [], []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        flags = ["--processes", processes, "--output", out]
        result = tfner("predict", toy_bundle, texts, *flags)
        assert result.code == 0, result.err
        outputs.append(out.read_bytes())
        notes.append(result.err)
    assert outputs[0] == outputs[1]
    assert notes[0] == notes[1]
    assert "20 words_without_pieces" in notes[0]


def test_an_open_scheme_is_decided_as_by_one_process(
    tfner, toy_bundle, texts, tmp_path
) -> None:
    from tfner_export.publish import export

    tagger = export(
        Bundle.load(toy_bundle), tmp_path / "tagger", format="huggingface"
    ).directory
    (tagger / "digests.json").unlink()
    config = json.loads((tagger / "config.json").read_text("utf-8"))
    del config["tfner_labels"]
    (tagger / "config.json").write_text(json.dumps(config), "utf-8")
    command = ["predict", tagger, texts, "--to", "conll", "--processes"]
    one, two = tfner(*command, 1), tfner(*command, 2)
    assert one.out == two.out != ""
    assert one.err == two.err
    assert "its tags are read as IOB2" in one.err


def test_what_is_wrong_with_the_model_is_said_as_by_one_process(
    tfner, toy_bundle, texts
) -> None:
    command = ["predict", toy_bundle, texts, "--decode", "viterby", "--processes"]
    assert tfner(*command, 2).sentence == tfner(*command, 1).sentence


def test_a_server_is_asked_by_each_process(tfner, toy_bundle, texts) -> None:
    address = "http://127.0.0.1:9/v1/models/chunk"  # where nobody listens
    command = ["predict", address, texts, "--assets", toy_bundle, "--processes"]
    one, two = tfner(*command, 1).sentence, tfner(*command, 2).sentence
    assert one == two
    assert "127.0.0.1:9" in one


Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(toy_bundle: Path) -> Iterator[Start]:
    """Starts a command that waits for more texts, in a session of its own."""
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tfner.cli.main", "predict", str(toy_bundle)]
        paths = [str(ROOT), str(ROOT / "export")]
        child: Any = subprocess.Popen(
            [*command, "-", "--processes", "2"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()
        child.communicate()


def workers(first: subprocess.Popen[str]) -> list[int]:
    """The processes that predict, once there are two."""
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        found = []
        for pid in children.read_text().split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"spawn_main" in command:
                found.append(int(pid))
        if len(found) == 2:
            return found
        time.sleep(0.05)
    pytest.fail("no workers were started")


def test_a_process_that_dies_is_one_sentence(start: Start) -> None:
    first = start()
    one, other = workers(first)
    os.kill(one, signal.SIGKILL)
    # While it waits for texts, nobody asks for a result.
    out, err = first.communicate("anna in paris\n", timeout=PATIENCE)
    assert first.returncode == 1
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: a process was killed")
    assert "processes=2. Run again with fewer --processes." in err
    assert not Path(f"/proc/{other}").exists()


def test_ctrl_c_ends_all_and_says_nothing(start: Start) -> None:
    first = start()
    pids = workers(first)
    os.killpg(first.pid, signal.SIGINT)
    _, err = first.communicate(timeout=PATIENCE)
    assert (first.returncode, err) == (130, "")
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
