"""Batches of many requests: exact, fair, and no request harms another."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfner.document import Document
from tfner.errors import BundleError
from tfner.gateway.batcher import Batcher, Job
from tfner.inference.predictor import Predictor
from tfner.tasks.context import encode_in_order

WORDS = ["anna", "paris", "acme", "Corp", "in", "😀", "日本", "\x00", "xyzzy", "."]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
REQUESTS = st.lists(st.lists(TEXTS, max_size=5), min_size=1, max_size=8)
LATE = 1e9


class Running:
    """A batcher whose jobs are waited for."""

    def __init__(self, predictor: Predictor, threads: int = 1) -> None:
        self.predictor, self.ended = predictor, []
        self.batches: list[int] = []
        self.batcher = Batcher(
            predictor.run,
            pad_id=predictor.task.tokenizer.pad_id,
            done=self.ended.extend,
            threads=threads,
            observe=lambda windows, *_: self.batches.append(windows),
        )

    def job(self, texts: Sequence[str], deadline: float = LATE) -> Job:
        pairs = list(encode_in_order(self.predictor.task, texts))
        documents = [document for document, _ in pairs]
        return Job(documents, [encoded.windows for _, encoded in pairs], deadline)

    def read(self, job: Job) -> list[Document]:
        return list(self.predictor.read(job.documents, job.windows, job.outputs))


class Stop:
    """Holds the model until it may go on."""

    def __init__(self, predictor: Predictor) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        predictor.run.before = self.wait

    def wait(self, features: Any) -> None:
        self.reached.set()
        assert self.go_on.wait(10)


@given(REQUESTS, st.booleans(), st.integers(1, 3))
@settings(max_examples=40)
def test_answers_do_not_depend_on_who_else_asks(
    task, chance, requests, packs, threads
) -> None:
    predictor = Predictor(task, chance(packs=packs))
    running = Running(predictor, threads)
    jobs = [running.job(texts) for texts in requests]
    for job in jobs:
        running.batcher.submit(job)
    running.batcher.close()
    assert {id(job) for job in running.ended} == {id(job) for job in jobs}
    assert len(running.ended) == len(jobs)
    for texts, job in zip(requests, jobs, strict=True):
        found, alone = running.read(job), predictor.predict(texts)
        assert found == alone
        for one, two in zip(found, alone, strict=True):
            scores = [[e.score for e in document.entities] for document in (one, two)]
            np.testing.assert_allclose(*scores, atol=1e-6)


def test_what_waits_runs_together(task, chance) -> None:
    predictor = Predictor(task, chance(packs=True))
    stop, running = Stop(predictor), Running(predictor)
    running.batcher.submit(running.job(["anna"]))
    assert stop.reached.wait(10)
    for _ in range(20):
        running.batcher.submit(running.job(["paris in acme"]))
    stop.go_on.set()
    running.batcher.close()
    assert running.batches == [1, 20]


def test_long_and_short_windows_do_not_pad_each_other(task, chance) -> None:
    predictor = Predictor(task, chance(packs=False))
    stop, running = Stop(predictor), Running(predictor)
    shapes: list[tuple[int, ...]] = []
    running.batcher.submit(running.job(["anna"]))
    assert stop.reached.wait(10)
    predictor.run.before = lambda features: shapes.append(features["input_ids"].shape)
    running.batcher.submit(
        running.job(["anna in paris and acme in oslo and lima " * 2])
    )
    for _ in range(9):
        running.batcher.submit(running.job(["anna"]))
    stop.go_on.set()
    running.batcher.close()
    assert [length for _, length in shapes] == [32, 16]
    assert sum(rows for rows, _ in shapes) == sum(running.batches[1:])


def test_a_job_that_fails_harms_no_other(task, chance) -> None:
    predictor = Predictor(task, chance(packs=True))
    bad = task.tokenizer.encode("xyzzy").ids[0]

    def fail(features: Any) -> None:
        if (features["input_ids"] == bad).any():
            raise BundleError("no")

    stop, running = Stop(predictor), Running(predictor)
    running.batcher.submit(running.job(["anna"]))
    assert stop.reached.wait(10)
    jobs = [running.job([text]) for text in ("in paris", "xyzzy", "acme")]
    for job in jobs:
        running.batcher.submit(job)
    predictor.run.before = fail
    stop.go_on.set()
    running.batcher.close()
    assert [type(job.error) for job in jobs] == [type(None), BundleError, type(None)]
    for job in (jobs[0], jobs[2]):
        predictor.run.before = lambda _: None
        texts = [document.text for document in job.documents]
        assert running.read(job) == predictor.predict(texts)


@pytest.mark.parametrize("why", ["given up", "late"])
def test_what_nobody_waits_for_is_not_run(task, chance, why) -> None:
    predictor = Predictor(task, chance(packs=True))
    stop, running = Stop(predictor), Running(predictor)
    running.batcher.submit(running.job(["anna"]))
    assert stop.reached.wait(10)
    job = running.job(["paris"], deadline=time.monotonic() if why == "late" else LATE)
    job.is_given_up = why == "given up"
    running.batcher.submit(job)
    stop.go_on.set()
    running.batcher.close()
    assert running.batches == [1]
    assert isinstance(job.error, TimeoutError)
    assert len(running.ended) == 2
