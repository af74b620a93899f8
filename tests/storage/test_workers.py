"""Worker processes end with the first one: after an error, Ctrl-C, or its death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

import pytest

from tfner.storage.workers import submit, worker_pool

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 600
"""Seconds of a job that is not waited for."""
FIRST = f"""
import os, time
from tfner.storage.workers import submit, worker_pool

if __name__ == "__main__":
    with worker_pool(2, os.getpid) as pool:
        print(submit(pool, os.getpid).result(), flush=True)
        jobs = [submit(pool, time.sleep, {ENOUGH}) for _ in range(2)]
        print("begun", flush=True)
        jobs[0].result()
"""


def alive(pid: int) -> bool:
    """Whether a process runs, and is not only waiting to be asked how it ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_an_error_ends_the_jobs_at_once() -> None:
    started = time.monotonic()
    with suppress(KeyError), worker_pool(1, os.getpid) as pool:
        pid = submit(pool, os.getpid).result()
        submit(pool, time.sleep, ENOUGH)
        raise KeyError
    assert time.monotonic() - started < ENOUGH / 2
    assert not alive(pid)


@pytest.mark.slow
def test_jobs_that_have_begun_may_come_to_an_end() -> None:
    with suppress(KeyError), worker_pool(1, os.getpid, finish_jobs=True) as pool:
        submit(pool, os.getpid).result()
        job = submit(pool, time.sleep, 0.5)
        while not job.running():
            time.sleep(0.01)
        raise KeyError
    assert job.done()
    assert job.exception() is None


@pytest.mark.slow
def test_a_process_that_dies_breaks_the_pool() -> None:
    with worker_pool(2, os.getpid) as pool:
        submit(pool, time.sleep, 0)
        died = submit(pool, os._exit, 1)
        with pytest.raises(BrokenProcessPool):
            died.result()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_outlives_the_first(tmp_path: Path, sent: signal.Signals) -> None:
    script = tmp_path / "first.py"
    script.write_text(FIRST, encoding="utf-8")
    first = subprocess.Popen(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert first.stdout is not None
    worker = int(first.stdout.readline())
    assert first.stdout.readline() == "begun\n"
    if sent == signal.SIGINT:
        os.killpg(first.pid, sent)  # as a terminal does
    else:
        first.send_signal(sent)
    _, err = first.communicate(timeout=60)
    assert "spawn_main" not in err
    ends = time.monotonic() + 30
    while alive(worker) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not alive(worker)
