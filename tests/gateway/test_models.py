"""Names, versions, and new versions that come in while requests are answered."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tfner.errors import BundleError, ConfigError
from tfner.gateway.models import Registry
from tfner.gateway.versions import Source, fingerprint


def make(folder: Path, *names: str) -> Path:
    """Numbered directories that look like models."""
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("argument", "name", "place"),
    [
        ("runs/movie", "movie", "runs/movie"),
        ("runs/movie/17", "movie", "runs/movie/17"),
        ("a=runs/movie", "a", "runs/movie"),
        ("runs/x=y", "x=y", None),
        ("film=gs://b/movie", "film", "gs://b/movie"),
        ("=runs", "", None),
        ("a b=runs", "", None),
        ("a=", "", None),
    ],
)
def test_models_have_names(argument, name, place) -> None:
    if place is None:
        with pytest.raises(ConfigError, match="NAME=DIR"):
            Source.parse(argument)
    else:
        assert Source.parse(argument) == Source(name, place)


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two models have the name a"):
        Registry([Source("a", "x"), Source("a", "y")], lambda *_: None)


def test_versions_are_numbers_in_their_order(tmp_path) -> None:
    folder = make(tmp_path / "m", "9", "10", "2")
    (folder / "11").mkdir()  # holds no model
    make(folder, "temp.12", "-3")
    assert list(Source("m", str(folder)).versions()) == ["2", "9", "10"]
    assert list(Source("m", str(folder / "9")).versions()) == ["9"]
    above = Source("m", str(tmp_path))
    assert list(above.versions()) == ["2", "9", "10"]
    make(tmp_path / "n", "1")
    with pytest.raises(ConfigError, match="several models: m, n"):
        above.versions()


def test_a_model_without_versions_is_version_1(tmp_path) -> None:
    make(tmp_path, "bundle")
    for place in (str(tmp_path / "bundle"), str(tmp_path / "none"), "gs://b/m"):
        assert Source("m", place).versions() == {"1": place}


def test_a_change_within_a_version_is_seen(tmp_path) -> None:
    folder = make(tmp_path, "1") / "1"
    before = fingerprint(str(folder))
    (folder / "variables").mkdir()
    (folder / "variables" / "data").write_bytes(b"12")
    middle = fingerprint(str(folder))
    (folder / "variables" / "data").write_bytes(b"123")
    assert len({before, middle, fingerprint(str(folder))}) == 3
    assert fingerprint(str(tmp_path / "none")) == fingerprint("") == ()


class Loads:
    """Loads the same predictor for every version; those in `bad` fail."""

    def __init__(self, predictor) -> None:
        self.predictor, self.bad, self.tried = predictor, set(), []

    def __call__(self, source, number, place):
        self.tried.append(number)
        if number in self.bad:
            raise BundleError(f"{number} does not predict what it did")
        return self.predictor


def until(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture
def loads(packing) -> Loads:
    return Loads(packing)


@pytest.fixture
def watched(serve, loads, tmp_path):
    """Serves numbered directories, looking for new ones all the time."""

    def start(*numbers: str, **settings):
        source = Source("tiny", str(make(tmp_path / "m", *numbers)))
        return serve(
            {},
            sources=[source],
            load=loads,
            app={"seconds_between_looks": 0.05},
            **settings,
        )

    return start


def model(running) -> dict:
    (found,) = running.client.get("/v1/models").json()["models"]
    return found


@pytest.mark.slow
def test_a_new_version_takes_over_without_a_failed_request(watched, tmp_path) -> None:
    statuses: list[int] = []
    with watched("1") as running:
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                answer = running.client.post("/v1/entities", json={"texts": ["anna"]})
                statuses.append(answer.status_code)

        clients = [threading.Thread(target=ask) for _ in range(3)]
        for client in clients:
            client.start()
        for number in "234":
            make(tmp_path / "m", number)
            until(lambda number=number: model(running)["version"] == number)
        done.set()
        for client in clients:
            client.join()
        until(lambda: model(running)["versions"] == ["4"])
    assert statuses
    assert set(statuses) == {200}


@pytest.mark.slow
def test_a_version_that_fails_is_not_taken_and_said(watched, loads, tmp_path) -> None:
    loads.bad = {"2"}
    with watched("1") as running:
        make(tmp_path / "m", "2")
        until(lambda: model(running)["refused"])
        assert model(running)["version"] == "1"
        assert "does not predict" in model(running)["refused"]["2"]
        states = running.client.get("/v1/models/tiny").json()["model_version_status"]
        assert [state["state"] for state in states] == ["AVAILABLE", "END"]
        tried = loads.tried.count("2")
        time.sleep(0.3)
        assert loads.tried.count("2") == tried  # it is not tried again and again
        loads.bad = set()
        (tmp_path / "m" / "2" / "weights").write_text("new")
        until(lambda: model(running)["version"] == "2")
        assert model(running)["refused"] == {}


@pytest.mark.slow
def test_several_versions_can_be_asked(watched, tmp_path) -> None:
    with watched("1", "2", "3", keep=2) as running:
        assert model(running)["versions"] == ["2", "3"]
        assert running.entities(texts=["anna"])["version"] == "3"
        assert running.entities(texts=["anna"], version="2")["version"] == "2"
        assert running.entities(texts=["anna"], version=2)["version"] == "2"
        answer = running.client.post("/v1/entities", json={"texts": [], "version": "1"})
        assert answer.status_code == 404
        make(tmp_path / "m", "4")
        until(lambda: model(running)["versions"] == ["3", "4"])


@pytest.mark.slow
def test_going_back_is_taking_the_newest_away(watched, tmp_path) -> None:
    with watched("1", "2") as running:
        (tmp_path / "m" / "2" / "config.json").unlink()
        until(lambda: model(running)["versions"] == ["1"])
        (tmp_path / "m" / "1" / "config.json").unlink()
        time.sleep(0.3)
        assert running.entities(texts=["anna"])["version"] == "1"  # the last one stays


def test_an_older_version_is_served_where_the_newest_fails(watched, loads) -> None:
    loads.bad = {"2"}
    with watched("1", "2") as running:
        assert model(running)["version"] == "1"
        assert list(model(running)["refused"]) == ["2"]


def test_nothing_is_served_where_all_fail(watched, loads) -> None:
    loads.bad = {"1", "2"}
    with pytest.raises(BundleError, match="2 does not predict"), watched("1", "2"):
        pass
