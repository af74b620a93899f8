"""What every request passes: token, ids, limits, logs, measurements."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

SECRET = "Wilhelmina"


class Hold:
    """Holds the model until it may go on."""

    def __init__(self, predictor) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        predictor.run.before = self.wait

    def wait(self, features) -> None:
        self.reached.set()
        assert self.go_on.wait(10)


def ask(running, texts=("anna",), **more):
    return running.client.post("/v1/entities", json={"texts": list(texts)}, **more)


def after_warm_up(serve, predictor, **limits):
    """Serves a predictor; its model is free until the test holds it."""
    return serve({"tiny": predictor}, **limits)


def test_a_full_queue_says_when_to_come_again(serve, predictor) -> None:
    with (
        after_warm_up(serve, predictor, max_queue=3) as running,
        ThreadPoolExecutor() as pool,
    ):
        hold = Hold(predictor)
        waiting = pool.submit(ask, running, ["anna", "bert"])
        assert hold.reached.wait(10)
        answer = ask(running, ["carla", "emma"])
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "queue_full"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        fits = pool.submit(ask, running, ["carla"])
        time.sleep(0.1)
        hold.go_on.set()
        assert waiting.result().status_code == fits.result().status_code == 200


def test_too_many_requests_are_refused_but_probes_are_not(serve, predictor) -> None:
    with (
        after_warm_up(serve, predictor, max_requests=1) as running,
        ThreadPoolExecutor() as pool,
    ):
        hold = Hold(predictor)
        waiting = pool.submit(ask, running)
        assert hold.reached.wait(10)
        answer = ask(running)
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            429,
            "too_many_requests",
        )
        assert "connection" not in answer.headers  # it stays for the next try
        assert running.client.get("/healthz").status_code == 200
        assert running.client.get("/readyz").status_code == 200
        hold.go_on.set()
        assert waiting.result().status_code == 200


def test_no_answer_in_time_is_told(serve, predictor) -> None:
    with after_warm_up(serve, predictor, deadline=0.2) as running:
        hold = Hold(predictor)
        answer = ask(running)
        hold.go_on.set()
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline")
        predictor.run.before = lambda _: None
        assert ask(running).status_code == 200


def test_only_who_bears_the_token_may_ask(serve, packing) -> None:
    with serve({"tiny": packing}, app={"token": "s3cret"}) as running:
        for given in (
            {},
            {"authorization": "Bearer S3cret"},
            {"authorization": "s3cret"},
        ):
            answer = ask(running, headers=given)
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                401,
                "unauthorized",
            )
            assert answer.headers["www-authenticate"] == "Bearer"
        assert running.client.get("/metrics").status_code == 401
        for path in (
            "/healthz",
            "/readyz",
            "/docs",
            "/openapi.json",
            "/v2/health/live",
        ):
            assert running.client.get(path).status_code == 200
        assert (
            ask(running, headers={"authorization": "Bearer s3cret"}).status_code == 200
        )


def test_other_origins_may_ask_only_if_they_are_named(serve, packing) -> None:
    headers = {"origin": "https://a.example", "access-control-request-method": "POST"}
    key = "access-control-allow-origin"
    with serve({"tiny": packing}) as running:
        assert (
            key not in running.client.options("/v1/entities", headers=headers).headers
        )
        assert key not in ask(running, headers=headers).headers
    with serve(
        {"tiny": packing}, app={"origins": ["https://a.example"], "token": "t"}
    ) as running:
        assert (
            running.client.options("/v1/entities", headers=headers).headers[key]
            == "https://a.example"
        )
        assert ask(running, headers=headers).headers[key] == "https://a.example"
        headers["origin"] = "https://b.example"
        assert key not in ask(running, headers=headers).headers


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1", True), ("a b", False), ("x" * 129, False)]
)
def test_every_answer_has_an_id(serve, packing, given, kept) -> None:
    with serve({"tiny": packing}) as running:
        for path in ("/healthz", "/nothing", "/v1/entities"):
            found = running.client.get(path, headers={"x-request-id": given}).headers[
                "x-request-id"
            ]
            assert (found == given) is kept
            assert len(found) >= 5


def test_logs_tell_of_requests_and_never_of_texts(serve, packing, caplog) -> None:
    caplog.set_level(logging.INFO, "tfner")
    with serve({"tiny": packing}, max_characters=100) as running:
        ask(running, [SECRET])
        ask(running, [SECRET * 50])
        running.client.post("/v1/entities", json={SECRET: 1})
        running.client.get(f"/{SECRET}?q={SECRET}")
        running.client.post("/v1/entities", content=f'{{"texts": ["{SECRET}"')
    assert SECRET not in caplog.text
    records = [json.loads(record.getMessage()) for record in caplog.records]
    requests = [record for record in records if record["event"] == "request"]
    assert [record["status"] for record in requests] == [200, 413, 400, 404, 400]
    assert requests[0]["route"] == "/v1/entities"
    assert (requests[0]["texts"], requests[0]["characters"]) == (1, len(SECRET))


def test_what_should_not_happen_is_told_without_a_text(
    serve, predictor, caplog
) -> None:
    def fail(features) -> None:
        raise RuntimeError(SECRET)

    with serve({"tiny": predictor}) as running:
        predictor.run.before = fail
        answer = ask(running, [SECRET])
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
        predictor.run.before = lambda _: None
        assert ask(running).status_code == 200
    assert SECRET not in caplog.text
    assert "RuntimeError" in caplog.text


def test_measurements_are_those_of_prometheus(serve, packing) -> None:
    with serve({"tiny": packing}) as running:
        ask(running, ["anna", "paris"])
        found = running.client.get("/metrics")
    assert found.headers["content-type"].startswith("text/plain")
    lines = dict(
        line.rsplit(" ", 1) for line in found.text.splitlines() if line[0] != "#"
    )
    assert lines['tfner_requests_total{route="/v1/entities",status="200"}'] == "1.0"
    assert lines['tfner_texts_total{model="tiny"}'] == "2.0"
    assert lines['tfner_queue_texts{model="tiny"}'] == "0.0"
    assert lines['tfner_model_loads_total{model="tiny",outcome="loaded"}'] == "1.0"
    assert float(lines['tfner_batch_windows_count{model="tiny"}']) >= 1
