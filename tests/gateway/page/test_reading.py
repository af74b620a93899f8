"""What a reader does: type, run, look, filter, walk, choose; in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Stub

pytestmark = pytest.mark.slow

NESTED = "Ada Lovelace met Charles Babbage at the University of London."
CROSSING = "the Bank of England was told"
Find = Callable[[str], None]


def marks(page: Any) -> list[str]:
    """Accessible names of the marks, in the order of the arrow keys."""
    return page.eval_on_selector_all(
        "#marked mark:not(.continued)",
        "marks => marks.map(m => m.getAttribute('aria-label'))",
    )


def plain(page: Any) -> str:
    """The marked text without its labels."""
    return page.eval_on_selector(
        "#marked",
        """root => {
            const copy = root.cloneNode(true);
            copy.querySelectorAll(".label").forEach(label => label.remove());
            return copy.textContent;
        }""",
    )


def slide(page: Any, value: float) -> None:
    page.locator("#threshold").fill(str(value))
    page.evaluate("() => new Promise(requestAnimationFrame)")


def test_text_is_marked_with_nested_entities(page: Any, find: Find, stub: Stub) -> None:
    find(NESTED)
    assert marks(page) == [
        "Ada Lovelace, PERSON, score 0.991",
        "Charles Babbage, PERSON, score 0.874",
        "University of London, ORGANISATION, score 0.620",
        "London, PLACE, score 0.950",
    ]
    assert plain(page) == NESTED
    assert page.text_content("mark mark") == "LondonPLACE"
    assert page.text_content("#status").startswith("4 entities by names, version 3")
    [request] = stub.requests
    assert request == {"texts": [NESTED], "model": "names", "offsets": "utf16"}


def test_lines_of_nested_marks_lie_below_each_other(page: Any, find: Find) -> None:
    find(NESTED)
    outer, inner = page.eval_on_selector_all(
        "mark:has(mark), mark mark",
        "marks => marks.map(m => [...m.getClientRects()].at(-1).bottom)",
    )
    assert inner + 4 < outer


def test_marks_that_cross_are_both_drawn(page: Any, find: Find) -> None:
    find(CROSSING)
    assert marks(page) == [
        "Bank of, ORGANISATION, score 0.410",
        "of England, PLACE, score 0.710",
    ]
    assert plain(page) == CROSSING
    assert page.text_content("mark.goes-on") == "of"
    assert page.text_content("mark.continued") == " EnglandPLACE"


def test_offsets_after_emoji_and_combining_signs_fit(page: Any, find: Find) -> None:
    text = "👩‍👩‍👧 e\u0301 𝔘 🦊 Fox, London 🦊 Fox"
    find(text)
    assert marks(page) == [
        "🦊 Fox, PERSON, score 0.800",
        "London, PLACE, score 0.950",
        "🦊 Fox, PERSON, score 0.800",
    ]
    assert plain(page) == text


def test_threshold_hides_at_once_and_asks_nothing(
    page: Any, find: Find, stub: Stub
) -> None:
    find(NESTED)
    slide(page, 0.9)
    assert [name[:6] for name in marks(page)] == ["Ada Lo", "London"]
    assert page.text_content("#threshold-value") == "0.90"
    chips = page.locator(".chip").all_text_contents()
    assert chips == ["ORGANISATION0", "PERSON1", "PLACE1"]
    assert page.text_content("#none") == (
        "2 entities are hidden by score or label. Show all"
    )
    page.click("#none button")
    assert len(marks(page)) == 4
    assert len(stub.requests) == 1


def test_labels_filter_with_counts(page: Any, find: Find) -> None:
    find(NESTED)
    assert page.text_content("#missing") == "Not found: DATE"
    page.get_by_role("checkbox", name="PERSON").uncheck()
    assert [name.split(",")[1] for name in marks(page)] == [" ORGANISATION", " PLACE"]
    page.locator("#labels input").nth(1).press("Space")
    assert len(marks(page)) == 4


def test_hidden_labels_stay_hidden_in_the_next_text(page: Any, find: Find) -> None:
    find(NESTED)
    page.get_by_role("checkbox", name="PERSON").uncheck()
    find("Ada Lovelace in London")
    assert marks(page) == ["London, PLACE, score 0.950"]
    assert not page.get_by_role("checkbox", name="PERSON").is_checked()


def test_list_holds_offsets_in_code_points_and_leads_to_the_mark(
    page: Any, find: Find
) -> None:
    find("🦊 Fox of London")
    page.click("#list summary")
    rows = page.locator("#rows tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [
        ["🦊 Fox", "PERSON", "0.800", "0", "5"],
        ["London", "PLACE", "0.950", "9", "15"],
    ]
    page.click("#rows tr:nth-child(2) button")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("London")


def test_details_on_hover_and_focus(page: Any, find: Find) -> None:
    find(NESTED)
    assert page.is_hidden("#tip")
    page.hover("mark mark")
    lines = page.locator("#tip > div").all_text_contents()
    assert lines == ["PLACELondon0.950", "ORGANISATIONUniversity of London0.620"]
    page.hover("h1")
    assert page.is_hidden("#tip")
    page.focus("#marked mark")
    assert page.text_content("#tip") == "PERSONAda Lovelace0.991"
    page.keyboard.press("Escape")
    assert page.is_hidden("#tip")


def test_arrow_keys_walk_and_tab_stops_once(page: Any, find: Find) -> None:
    find(NESTED)
    page.focus("#threshold")
    page.keyboard.press("Tab")
    seen = []
    for key in ("Home", "ArrowRight", "ArrowDown", "End", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        seen.append(page.evaluate("document.activeElement.ariaLabel").split(",")[0])
    assert seen == [
        "Ada Lovelace",
        "Charles Babbage",
        "University of London",
        "London",
        "London",
        "University of London",
    ]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Shift+Tab")
    name = page.evaluate("document.activeElement.ariaLabel")
    assert name.startswith("University of London")


def test_tab_order_is_that_of_the_page(page: Any) -> None:
    page.focus("#text")
    stops = []
    for _ in range(7):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.id || 'example'"))
    assert stops == ["example"] * 5 + ["file", "run"]


def test_examples_run(page: Any, stub: Stub) -> None:
    page.click("text=日本語")
    page.wait_for_selector("#marked mark")
    assert "日本銀行, 組織, score 0.982" in marks(page)
    assert page.get_attribute("#marked", "lang") == "ja"
    assert stub.requests[0]["texts"] == [page.input_value("#text")]


def test_model_and_version_are_asked_as_chosen(
    page: Any, find: Find, stub: Stub
) -> None:
    page.select_option("#version", "2")
    find("London")
    assert stub.requests[-1]["version"] == "2"
    assert "version 2" in page.text_content("#status")
    page.select_option("#model", "other")
    assert page.locator("#version option").all_text_contents() == ["1"]
    assert page.is_disabled("#version")
    assert "changed since" in page.text_content("#status")
    find("London")
    assert stub.requests[-1]["model"] == "other"
    assert "version" not in stub.requests[-1]


def test_labels_of_the_model_are_shown_before_the_first_text(
    page: Any, find: Find
) -> None:
    said = page.text_content("#legend")
    assert said == "Labels of names: DATE ORGANISATION PERSON PLACE"
    find("London")
    assert page.is_hidden("#legend")


def test_versions_that_were_not_taken_are_told(page: Any, stub: Stub) -> None:
    stub.models[0]["refused"] = {"4": "its self-test gives other entities."}
    page.reload()
    page.wait_for_selector("#refused:not([hidden])")
    said = page.text_content("#refused")
    assert said == "Version 4 is not served: its self-test gives other entities."


def test_a_version_that_came_is_offered_after_its_first_answer(
    page: Any, find: Find, stub: Stub
) -> None:
    stub.models[0].update(version="4", versions=["3", "4"])
    stub.newest = "4"
    find("London")
    assert "version 4" in page.text_content("#status")
    page.wait_for_selector("#version option[value='4']", state="attached")
    assert page.input_value("#version") == "4"


def test_the_answer_comes_into_sight(page: Any, find: Find) -> None:
    page.set_viewport_size({"width": 360, "height": 500})
    find(f"{NESTED}\n" * 20)
    page.locator("#result").evaluate(
        """(result) => new Promise((resolve) => {
            const look = () => {
                const { top } = result.getBoundingClientRect();
                top < 250 ? resolve() : requestAnimationFrame(look);
            };
            look();
        })"""
    )


def test_keys_of_an_input_method_are_left_to_it(page: Any, stub: Stub) -> None:
    page.fill("#text", "London")
    page.evaluate(
        """dispatchEvent(new KeyboardEvent("keydown",
            { key: "Enter", ctrlKey: true, isComposing: true }))"""
    )
    page.click("h1")
    assert stub.requests == []


def test_a_changed_text_makes_the_answer_stale(page: Any, find: Find) -> None:
    find("London")
    page.type("#text", "!")
    assert "changed since" in page.text_content("#status")
    find("London!")
    assert "stale" not in (page.get_attribute("#result", "class") or "")


def test_a_running_question_can_be_stopped(page: Any, stub: Stub) -> None:
    stub.hold.clear()
    page.fill("#text", "London")
    page.click("#run")
    page.wait_for_selector("#form[aria-busy=true]")
    assert page.text_content("#run") == "Stop"
    page.keyboard.press("Escape")
    page.wait_for_selector("#form[aria-busy=false]")
    stub.hold.set()
    assert page.is_hidden("#error")
    assert page.is_hidden("#result")


def test_only_the_last_of_two_questions_is_shown(page: Any, stub: Stub) -> None:
    stub.hold.clear()
    page.fill("#text", "Ada Lovelace")
    page.keyboard.press("Control+Enter")
    page.fill("#text", "London")
    page.keyboard.press("Control+Enter")
    stub.hold.set()
    page.wait_for_selector("#marked mark")
    assert marks(page) == ["London, PLACE, score 0.950"]


def test_a_text_that_is_changed_meanwhile_is_not_the_answer_s(
    page: Any, stub: Stub
) -> None:
    stub.hold.clear()
    page.fill("#text", "London")
    page.keyboard.press("Control+Enter")
    page.type("#text", "!")
    stub.hold.set()
    page.wait_for_selector("#marked mark")
    assert "changed since" in page.text_content("#status")
    assert (
        page.evaluate("document.getElementById('marked').textContent") == "LondonPLACE"
    )


def test_changes_are_announced_and_regions_named(page: Any, find: Find) -> None:
    find(NESTED)
    assert page.get_by_role("alert", include_hidden=True).count() == 1
    assert page.get_by_role("status").filter(has_text="4 entities").count() == 1
    for role, name in [
        ("textbox", "Text to find entities in"),
        ("button", "Find entities"),
        ("slider", "Score at least"),
        ("combobox", "Model"),
        ("combobox", "Version"),
        ("checkbox", re.compile("PERSON")),
        ("region", "Text with its entities"),
        ("group", "London, PLACE, score 0.950"),
    ]:
        found = page.get_by_role(role, name=name, exact=isinstance(name, str))
        assert found.count() == 1, name


def test_files_of_any_encoding_are_read(page: Any, tmp_path: Path, stub: Stub) -> None:
    text = "千円札は北里柴三郎、ひらがな。"
    path = tmp_path / "札.txt"
    for encoding in (
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "shift_jis",
        "euc_jp",
        "iso2022_jp",
    ):
        path.write_bytes(text.encode(encoding))
        page.set_input_files("#file", path)
        page.wait_for_selector("#notice:not([hidden])")
        assert page.input_value("#text") == text, encoding
        page.fill("#text", "")
    path.write_bytes("Привет".encode("cp1251"))
    page.set_input_files("#file", path)
    page.wait_for_selector("#notice select")
    assert "is not UTF-8" in page.text_content("#notice")
    page.select_option("#notice select", "windows-1251")
    assert page.input_value("#text") == "Привет"
    assert stub.requests == []


def test_a_file_is_dropped_anywhere(page: Any) -> None:
    transfer = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["In London"], "a.txt"));
            return transfer;
        }"""
    )
    page.dispatch_event("footer", "dragenter", {"dataTransfer": transfer})
    assert page.is_visible("#drop")
    page.dispatch_event("footer", "drop", {"dataTransfer": transfer})
    page.wait_for_selector("text=a.txt: 9 characters.")
    assert page.input_value("#text") == "In London"
    assert page.is_hidden("#drop")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"x" * 2_000_001, "has 2.0 MB; this page takes text files of up to 2 MB."),
        (b"", "is empty."),
        (b"PK\x03\x04\x00\x00word", "is not a text file. Save it as plain text"),
    ],
)
def test_what_is_no_text_is_refused_with_a_sentence(
    page: Any, tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "given.txt"
    path.write_bytes(content)
    page.fill("#text", "kept")
    page.set_input_files("#file", path)
    page.wait_for_selector("#error:not([hidden])")
    assert f"given.txt {sentence}" in page.text_content("#error")
    assert page.input_value("#text") == "kept"


def test_long_texts_are_marked_whole_and_listed_in_part(page: Any, find: Find) -> None:
    find(f"{NESTED}\n" * 400)
    assert page.locator("#marked mark").count() == 1600
    page.click("#list summary")
    assert page.locator("#rows tr").count() == 500
    assert page.text_content("#rest").startswith("The first 500 are listed")
    slide(page, 0.9)
    page.wait_for_selector("#none:not([hidden])")
    assert page.locator("#marked mark").count() == 800
