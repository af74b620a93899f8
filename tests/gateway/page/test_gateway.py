"""The page before the gateway itself, whose answers the stub imitates; in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TEXT = "🦊 Ada met 日本 in London, and Bob met 👩‍👩‍👧 in Paris.\n" * 3
Serve = Callable[..., AbstractContextManager[Any]]


def ask(tab: Any, text: str) -> None:
    tab.fill("#text", text)
    tab.keyboard.press("Control+Enter")


def test_marks_are_the_entities_of_the_gateway(
    tab: Any, serve: Serve, packing: Any
) -> None:
    with serve({"tiny": packing, "other": packing}) as running:
        tab.goto(running.url)
        tab.wait_for_selector("#model option[value=other]", state="attached")
        tab.select_option("#model", "other")
        assert tab.text_content("#legend") == "Labels of other: LOC PER"
        ask(tab, TEXT)
        tab.wait_for_selector("#marked mark")
        assert "by other, version 1" in tab.text_content("#status")
        names = tab.eval_on_selector_all("mark", "all => all.map(m => m.ariaLabel)")
        [document] = running.entities(texts=[TEXT], model="tiny")["documents"]
        assert [name.rsplit(", ", 2)[:2] for name in names] == [
            [entity["text"], entity["label"]] for entity in document["entities"]
        ]
        tab.click("text=its documentation")
        tab.wait_for_url("**/docs")
        tab.goto("about:blank")


def test_limits_and_tokens_of_the_gateway_are_sentences(
    tab: Any, serve: Serve, packing: Any
) -> None:
    options = {"token": "secret"}
    with serve({"tiny": packing}, app=options, max_characters=50) as running:
        tab.goto(running.url)
        tab.wait_for_selector("#token-field:not([hidden])")
        tab.fill("#token", "secret")
        tab.keyboard.press("Tab")
        tab.wait_for_selector("#model option", state="attached")
        ask(tab, TEXT)
        tab.wait_for_selector("#error:not([hidden])")
        said = tab.text_content("#error")
        assert said.startswith("A text may have 50 characters; text 1 has")
        assert "(Request " in said
        ask(tab, "Ada met Bob")
        tab.wait_for_selector("#status >> text=/entit/")
        assert tab.is_hidden("#error")
        tab.goto("about:blank")
