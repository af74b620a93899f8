"""The page before a server with canned answers, and a browser to look at it."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import pytest

pytest.importorskip("fastapi")

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tfner.gateway.page import page_routes

NAMES = {
    "Ada Lovelace": ("PERSON", 0.991),
    "Charles Babbage": ("PERSON", 0.874),
    "London": ("PLACE", 0.95),
    "University of London": ("ORGANISATION", 0.62),
    "Bank of": ("ORGANISATION", 0.41),
    "of England": ("PLACE", 0.71),
    "日本銀行": ("組織", 0.982),
    "日本": ("場所", 0.77),
    "渋沢栄一": ("人名", 0.96),
    "津田梅子": ("人名", 0.94),
    "北里柴三郎": ("人名", 0.93),
    "熊本県": ("場所", 0.9),
    "ベルリン大学": ("組織", 0.88),
    "ベルリン": ("場所", 0.69),
    "ロベルト・コッホ": ("人名", 0.97),
    "نجيب محفوظ": ("PERSON", 0.97),
    "جامعة القاهرة": ("ORGANISATION", 0.83),
    "القاهرة": ("PLACE", 0.92),
    "🦊 Fox": ("PERSON", 0.8),
    "<b>Bold</b>": ("<img src=x onerror=window.broken=1>", 0.9),
    "\u202eevil": ("PERSON", 0.5),
}
LABELS = ["PERSON", "PLACE", "ORGANISATION", "DATE"]


@dataclass
class Stub:
    """A server that knows the names above and answers as the gateway does.

    Args:
        requests: bodies that it was sent.
        models: what it says that it serves.
        fault: status, body and headers of its next answers, in place of entities.
        token: that it wants.
        newest: version that answers where none is asked for.
        hold: while it is cleared, answers wait.
        address: of the page.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    fault: tuple[int, Any, dict[str, str]] | None = None
    token: str | None = None
    newest: str = "3"
    hold: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def reset(self) -> None:
        self.requests.clear()
        self.fault = self.token = None
        self.newest = "3"
        self.hold.set()
        self.models[:] = [
            model("names", "3", ["1", "2", "3"], LABELS),
            model("other", "1", ["1"], []),
        ]

    def refusal(self, request: Request) -> JSONResponse | None:
        wanted = f"Bearer {self.token}"
        if self.token and request.headers.get("authorization") != wanted:
            error = {"code": "unauthorized", "message": "Send the access token."}
            return JSONResponse({"error": error}, 401)
        return None


def model(
    name: str, version: str, versions: list[str], labels: list[str]
) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "versions": versions,
        "labels": labels,
        "nested": True,
        "state": "AVAILABLE",
    }


def found(text: str) -> list[dict[str, Any]]:
    """The names in a text, with offsets in UTF-16."""
    sizes = (1 + (character > "\uffff") for character in text)
    units = list(accumulate(sizes, initial=0))
    return [
        {
            "start": units[match.start()],
            "end": units[match.end()],
            "label": label,
            "text": name,
            "score": score,
        }
        for name, (label, score) in NAMES.items()
        for match in re.finditer(re.escape(name), text)
    ]


def make_app(stub: Stub) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/v1/models")
    async def models(request: Request) -> Any:
        return stub.refusal(request) or {"models": stub.models}

    @app.post("/v1/entities")
    async def entities(request: Request) -> Any:
        if refusal := stub.refusal(request):
            return refusal
        body = await request.json()
        stub.requests.append(body)
        while not stub.hold.is_set():
            await asyncio.sleep(0.02)
        if stub.fault:
            status, content, headers = stub.fault
            return JSONResponse(content, status, headers)
        assert body["offsets"] == "utf16"
        return {
            "model": body["model"],
            "version": body.get("version", stub.newest),
            "documents": [{"id": "1", "entities": found(t)} for t in body["texts"]],
        }

    page_routes(app)
    return app


@pytest.fixture(scope="session")
def server() -> Iterator[Stub]:
    stub = Stub()
    config = uvicorn.Config(
        make_app(stub), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    running = uvicorn.Server(config)
    listening = config.bind_socket()
    stub.address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    yield stub
    stub.hold.set()
    running.should_exit = True
    thread.join(10)


@pytest.fixture
def stub(server: Stub) -> Stub:
    server.reset()
    return server


# Its driver runs an event loop in this thread, which other tests must not meet.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    reason = "the page's tests need the extra `test` and Chromium"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"no Chromium on this machine: none of {', '.join(names)}")
    with playwright.sync_playwright() as driver:
        # Containers forbid Chromium's own sandbox; it sees only what the tests serve.
        yield driver.chromium.launch(executable_path=path, args=["--no-sandbox"])


@pytest.fixture(scope="module")
def tab(browser: Any) -> Any:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.set_default_timeout(20_000)
    return tab


@pytest.fixture
def console() -> list[str]:
    """What the browser's console says; a test that makes it speak clears it."""
    return []


@pytest.fixture
def page(tab: Any, stub: Stub, console: list[str]) -> Iterator[Any]:
    """The page, loaded anew; its console must have said nothing when a test ends."""

    def hear(message: Any) -> None:
        if "Failed to load" not in message.text:  # The faults that tests ask for.
            console.append(message.text)

    def catch(error: Any) -> None:
        console.append(str(error))

    tab.set_viewport_size({"width": 1100, "height": 800})
    tab.emulate_media(color_scheme="light")
    tab.goto(stub.address)
    tab.wait_for_selector("#model option", state="attached")
    tab.wait_for_selector("#examples button")
    tab.on("console", hear)
    tab.on("pageerror", catch)
    yield tab
    tab.remove_listener("console", hear)
    tab.remove_listener("pageerror", catch)
    tab.goto("about:blank")
    assert console == []


@pytest.fixture
def find(page: Any) -> Callable[[str], None]:
    """Types a text, asks for its entities by Ctrl+Enter, and waits for the marks."""

    def find(text: str) -> None:
        page.fill("#text", text)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#result:not(.stale) #status >> text=/entit/")
        page.wait_for_selector("#form[aria-busy=false]")

    return find
