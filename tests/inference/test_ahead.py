"""Items that are made in one thread while another one works on the last."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tfner.inference import ahead
from tfner.inference.ahead import run_ahead


@pytest.fixture(params=[1, 2], autouse=True)
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(ahead, "available_cores", lambda: request.param)
    return int(request.param)


def failing_at(last: int) -> Iterator[int]:
    yield from range(last)
    raise ValueError("no more")


@pytest.mark.parametrize("count", range(5))
def test_items_come_with_their_results_in_order(count: int) -> None:
    assert list(run_ahead(range(count), str)) == [(n, str(n)) for n in range(count)]


@pytest.mark.parametrize("last", range(4))
def test_what_was_made_before_a_fault_comes_first(last: int) -> None:
    results = run_ahead(failing_at(last), str)
    assert [next(results)[0] for _ in range(last)] == list(range(last))
    with pytest.raises(ValueError, match="no more"):
        next(results)


def test_an_error_of_the_function_is_raised_in_its_turn() -> None:
    results = run_ahead([2, 1, 0, 5], lambda n: 2 // n)
    assert [next(results), next(results)] == [(2, 1), (1, 2)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_next_item_is_made_while_the_function_runs(cores: int) -> None:
    if cores == 1:
        pytest.skip("one thread alone takes turns")
    third = threading.Event()

    def items() -> Iterator[int]:
        yield from (1, 2)
        third.set()
        yield 3

    def run(item: int) -> bool:
        return item != 2 or third.wait(10)

    assert [done for _, done in run_ahead(items(), run)] == [True] * 3


def test_threads_end_where_nobody_asks_for_the_rest() -> None:
    results = run_ahead(range(9), str)
    assert next(results) == (0, "0")
    results.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("tfner-ahead") for name in names)
