"""A gateway in front of a model server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tfner.errors import BundleError, ServingError
from tfner.gateway.loading import load_behind
from tfner.gateway.models import Model
from tfner.gateway.versions import Source
from tfner.inference.predictor import Predictor

ADDRESS = "grpc://inner.example:8500"


@pytest.mark.parametrize(("pinned", "path"), [(False, ""), (True, "/versions/7")])
def test_models_are_asked_by_their_names(monkeypatch, pinned, path) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        Predictor, "load", lambda *given, **more: asked.append((given, more))
    )
    load = load_behind(f"{ADDRESS}/", pinned=pinned, timeout=3.0)
    load(Source("chunk", "exports/chunk"), "7", "exports/chunk/7")
    settings = {"assets": "exports/chunk/7", "verify": True, "timeout": 3.0}
    assert asked == [((f"{ADDRESS}/chunk{path}",), settings)]


def test_a_server_that_fails_is_told_and_its_place_is_not(
    serve, predictor, caplog
) -> None:
    def fail(features: Any) -> None:
        raise ServingError(f"nothing answers at {ADDRESS}")

    with serve({"tiny": predictor}) as running:
        predictor.run.before = fail
        for texts in (["anna"], ["anna", "bert"]):
            answer = running.client.post("/v1/entities", json={"texts": texts})
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                502,
                "backend",
            )
            assert "inner" not in answer.text
        assert "inner.example" in caplog.text
        predictor.run.before = lambda _: None
        assert (
            running.client.post("/v1/entities", json={"texts": ["a"]}).status_code
            == 200
        )


def test_a_version_is_taken_once_the_server_has_it(tmp_path) -> None:
    tried: list[str] = []

    def make(source: Source, number: str, place: str) -> Any:
        tried.append(number)
        if number == "2" and len(tried) < 4:
            raise BundleError("it does not predict what it did")
        return Stand()

    for number in "12":
        (tmp_path / number).mkdir()
        (tmp_path / number / "config.json").write_text("{}")
    model = Model(Source("m", str(tmp_path)), make, is_remote=True)
    model.load()
    assert (list(model.served), list(model.refused)) == (["1"], ["2"])

    async def look() -> None:
        for _ in range(6):
            await model.refresh()

    asyncio.run(look())
    assert list(model.served) == ["2"]
    assert model.refused == {}


def test_a_version_for_which_memory_lacks_is_not_called_damaged(
    tmp_path: Path,
) -> None:
    def make(*_: Any) -> Any:
        raise BundleError("damaged") from MemoryError()

    for number in "12":
        (tmp_path / number).mkdir()
    model = Model(Source("m", str(tmp_path)), make)
    with pytest.raises(BundleError):
        model.load()
    assert {told.reason for told in model.refused.values()} == {"out of memory."}


class Stand:
    """Stands for a served version."""

    name, version, users = "m", "2", 0

    def close(self) -> None:
        """Nothing is to be closed."""
