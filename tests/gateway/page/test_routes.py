"""The page's files: headers, types, and that nothing comes from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from tfner.gateway.page import FILES, MEDIA_TYPES, page_routes

PARTS = sorted(path.name for path in (FILES / "page").iterdir())
SCRIPTS = [name for name in PARTS if name.endswith(".js")]
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    r"|\.setAttribute\(\"style|DOMParser|\bon\w+ ?="
)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    page_routes(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in PARTS)])
def test_every_file_is_served_with_type_policy_and_etag(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    suffix = "." + path.rpartition(".")[2] if "." in path else ".html"
    assert answer.headers["content-type"] == MEDIA_TYPES[suffix]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/no.js", "/page/../__init__.py", "/page/%2e%2e/__init__.py"],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_only_reading_is_allowed(client: TestClient) -> None:
    assert client.post("/").status_code == 405
    assert client.post("/page/style.css").status_code == 405


def test_openapi_holds_no_page(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["paths"] == {}


def test_addresses_are_relative_and_files_exist() -> None:
    used = re.findall(r'(?:href|src)="([^"]+)"', read("index.html"))
    used.remove("docs")
    used += [
        f"page/{name}"
        for script in SCRIPTS
        for name in re.findall(r'from "\./([^"]+)"', read(f"page/{script}"))
    ]
    assert used
    assert [name for name in used if not (FILES / name).is_file()] == []
    preloaded = set(
        re.findall(r'modulepreload" href="page/([^"]+)', read("index.html"))
    )
    assert preloaded == {*SCRIPTS} - {"script.js"}


@pytest.mark.parametrize("name", ["index.html", *(f"page/{name}" for name in PARTS)])
def test_nothing_comes_from_elsewhere(name: str) -> None:
    text = read(name).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|//\w+\.\w+|@import|url\(", text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_elements_and_never_markup(name: str) -> None:
    assert not FORBIDDEN.search(read(f"page/{name}"))


def test_page_holds_no_inline_script_or_style() -> None:
    html = read("index.html")
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=|javascript:", html)


def test_examples_are_in_several_scripts() -> None:
    examples: list[dict[str, Any]] = json.loads(read("page/examples.json"))
    texts = " ".join(example["text"] for example in examples)
    for script in ("[a-z]{3}", "[\u3041-\u3093]", "[\u0621-\u064a]"):
        assert re.search(script, texts)
