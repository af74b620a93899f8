"""Texts, labels and answers that mean harm or are wrong; in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Stub

pytestmark = pytest.mark.slow

Find = Callable[[str], None]


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.broken = 1</script> London",
        "<b>Bold</b> <img src=x onerror=window.broken=1> London",
        "</textarea><svg onload=window.broken=1> London",
        "&lt;b&gt; &amp; London \u0000 \ufeff",
    ],
)
def test_markup_stays_text(page: Any, find: Find, text: str) -> None:
    find(text)
    shown = page.eval_on_selector(
        "#marked",
        """root => {
            const copy = root.cloneNode(true);
            copy.querySelectorAll(".label").forEach(label => label.remove());
            return copy.textContent;
        }""",
    )
    assert shown == text
    page.hover("#marked mark")
    page.click("#list summary")
    assert page.locator("#result :is(script, img, svg, b b)").count() == 0
    assert page.evaluate("window.broken") is None


def test_labels_and_names_of_models_stay_text(
    page: Any, find: Find, stub: Stub
) -> None:
    evil = "<img src=x onerror=window.broken=1>"
    stub.models[0].update(name=evil, labels=[evil, "</p><script>window.broken=1"])
    page.reload()
    page.wait_for_selector("#legend:not([hidden])")
    find("<b>Bold</b>")
    page.hover("#marked mark")
    assert page.text_content("#tip .label") == evil
    assert page.text_content("#marked .label") == f"{evil[:23]}…"
    assert page.text_content(".chip bdi") == evil
    assert evil in page.text_content("#status")
    assert page.locator("#result img, #legend img, #tip img, #model img").count() == 0
    assert page.evaluate("window.broken") is None


def test_policy_stops_scripts_and_styles_of_markup(
    page: Any, console: list[str]
) -> None:
    stopped = page.evaluate(
        """() => new Promise(resolve => {
            const seen = [];
            document.addEventListener("securitypolicyviolation", event => {
                seen.push(event.effectiveDirective);
                if (seen.length === 3) resolve(seen.sort());
            });
            const script = document.createElement("script");
            script.textContent = "window.broken = 1";
            const image = document.createElement("img");
            image.src = "https://example.org/x.png";
            document.body.append(script, image);
            document.body.setAttribute("style", "color: red");
        })"""
    )
    assert stopped == ["img-src", "script-src-elem", "style-src-attr"]
    assert page.evaluate("window.broken") is None
    assert len(console) == 3
    console.clear()


def test_marks_of_direction_do_not_leave_their_entity(page: Any, find: Find) -> None:
    find("a \u202eevil and London")
    page.click("#list summary")
    first = page.locator("#rows tr").first
    places = [
        first.locator("td").nth(column).bounding_box()["x"] for column in range(5)
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            (
                413,
                {"error": {"code": "text_too_long", "message": "a text may have 9"}},
                {},
            ),
            "A text may have 9.",
        ),
        (
            (
                429,
                {"error": {"code": "busy", "message": "The queue is full."}},
                {"Retry-After": "2", "X-Request-Id": "abc"},
            ),
            "The queue is full. Try again in 2 s. (Request abc)",
        ),
        (
            (502, "<html>Bad gateway</html>", {}),
            "The server answered with status 502 and without a reason that this page "
            "can read.",
        ),
        (
            (200, {"documents": []}, {}),
            "The entities that the server sent do not fit the text: server and page "
            "are of different versions. Load the page anew.",
        ),
        (
            (
                200,
                {"documents": [{"entities": [{"start": 1, "end": 3, "text": "Lo"}]}]},
                {},
            ),
            "The entities that the server sent do not fit the text: server and page "
            "are of different versions. Load the page anew.",
        ),
    ],
)
def test_faults_of_the_server_are_sentences(
    page: Any, find: Find, stub: Stub, fault: Any, sentence: str
) -> None:
    find("London")
    stub.fault = fault
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#error:not([hidden])")
    assert page.text_content("#error") == sentence
    assert page.text_content("#run") == "Find entities"
    stub.fault = None
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#error", state="hidden")


def test_a_silent_server_is_a_sentence(page: Any) -> None:
    page.route("**/v1/entities", lambda route: route.abort())
    page.fill("#text", "London")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#error:not([hidden])")
    assert page.text_content("#error") == (
        "The server does not answer. See whether it runs, then try again."
    )
    page.unroute("**/v1/entities")


def test_an_empty_text_is_not_sent(page: Any, stub: Stub) -> None:
    page.fill("#text", " \n")
    page.click("#run")
    assert "There is no text yet" in page.text_content("#error")
    assert page.evaluate("document.activeElement.id") == "text"
    assert stub.requests == []


def test_half_a_character_is_sent_as_a_replacement(page: Any, stub: Stub) -> None:
    page.evaluate("document.getElementById('text').value = 'a\\ud83e London'")
    page.click("#run")
    page.wait_for_selector("#marked mark")
    assert stub.requests[0]["texts"] == ["a\ufffd London"]


def test_a_token_is_asked_for_and_sent(page: Any, stub: Stub) -> None:
    stub.token = "secret"
    page.reload()
    page.wait_for_selector("#token-field:not([hidden])")
    assert page.text_content("#error") == (
        "The server wants an access token: enter it above the text."
    )
    page.fill("#token", "wrong")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=The server does not take this access token.")
    page.fill("#token", "secret")
    page.keyboard.press("Tab")
    page.wait_for_selector("#model option", state="attached")
    page.wait_for_selector("#error", state="hidden")
    page.fill("#text", "London")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#marked mark")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_a_version_that_went_is_taken_from_the_chooser(page: Any, stub: Stub) -> None:
    page.select_option("#version", "1")
    stub.models[0]["versions"] = ["3"]
    stub.fault = (404, {"error": {"code": "not_found", "message": "No version 1."}}, {})
    page.fill("#text", "London")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=No version 1.")
    page.wait_for_selector("#version:disabled")
    assert page.locator("#version option").all_text_contents() == ["3"]
