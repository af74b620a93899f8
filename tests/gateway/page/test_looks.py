"""Widths, colours, directions and schemes; in Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

NESTED = "Ada Lovelace met Charles Babbage at the University of London."
ARABIC = "نجيب محفوظ في جامعة القاهرة"
Find = Callable[[str], None]

PIXELS = """(pairs) => {
    const options = { willReadFrequently: true };
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", options);
    const pixel = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    return pairs.map(pair => pair.map(pixel));
}"""

CHIPS = """async () => {
    const { paint } = await import(new URL("page/colours.js", location));
    const make = (tag, className, hue, ...content) => {
        const element = document.createElement(tag);
        element.className = className;
        element.append(...content);
        return paint(element, hue);
    };
    const pairs = [];
    for (let slot = 0; slot < 32; slot += 1) {
        const hue = { hue: slot % 16 * 22.5, deep: slot >= 16 };
        const box = Object.assign(
            document.createElement("input"), { type: "checkbox", checked: true });
        const chip = make("label", "chip", hue, box);
        const label = make("small", "label", hue);
        const inner = make("mark", "", hue, label);
        const mark = make("mark", "", hue, inner);
        document.getElementById("marked").append(chip, mark);
        const of = getComputedStyle;
        pairs.push([of(chip).color, of(chip).backgroundColor]);
        pairs.push([of(label).color, of(mark).backgroundColor]);
        pairs.push([of(label).color, of(inner).backgroundColor]);
        inner.classList.add("active");
        pairs.push([of(label).color, of(inner).backgroundColor]);
        pairs.push([of(inner).color, of(inner).backgroundColor]);
    }
    return pairs;
}"""

TEXTS = """() => [...document.querySelectorAll(
        "h1, label, #notice, footer p, button, select, textarea, summary, #status, th")]
    .map(element => {
        let behind = element;
        const clear = (e) => getComputedStyle(e).backgroundColor === "rgba(0, 0, 0, 0)";
        while (clear(behind)) behind = behind.parentElement;
        const of = getComputedStyle;
        return [of(element).color, of(behind).backgroundColor];
    })"""


def luminance(pixel: list[int]) -> float:
    """Relative luminance of WCAG 2."""
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in pixel[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(pair: list[list[int]]) -> float:
    dark, light = sorted(map(luminance, pair))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_hue_has_enough_contrast(page: Any, find: Find, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    find(NESTED)
    pairs = page.evaluate(CHIPS) + page.evaluate(TEXTS)
    ratios = [contrast(pair) for pair in page.evaluate(PIXELS, pairs)]
    assert len(ratios) > 170
    assert min(ratios) >= 4.5, pairs[ratios.index(min(ratios))]


def test_dark_and_light_follow_the_system(page: Any, find: Find) -> None:
    find(NESTED)
    light: dict[str, float] = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light[scheme] = luminance([int(c) for c in re.findall(r"\d+", colour)])
    assert light["light"] > 0.8
    assert light["dark"] < 0.05


def test_colours_of_labels_are_the_same_on_every_visit_and_differ(page: Any) -> None:
    few, many, again = page.evaluate(
        """async () => {
            const { huesOf } = await import(new URL("page/colours.js", location));
            const names = [...Array(40).keys()].map(n => `LABEL-${n}`);
            return [names.slice(0, 32), names, names.toReversed()].map(
                labels => [...huesOf(labels)].map(([l, c]) => [l, c.hue, c.deep]));
        }"""
    )
    assert len({(hue, deep) for _, hue, deep in few}) == 32
    assert many == again
    assert len(many) == 40


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_no_width_scrolls_sideways(
    page: Any, find: Find, width: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    find(f"{NESTED} {'x' * 400} <b>Bold</b>\n{ARABIC}\n日本銀行の渋沢栄一")
    page.click("#list summary")
    page.focus("#marked mark")
    path = tmp_path_factory.mktemp("page") / f"{width}.png"
    image = page.screenshot(path=path, full_page=True)
    assert image.startswith(b"\x89PNG")
    boxes = page.eval_on_selector_all(
        "button, select, textarea, input[type=range], #tip, mark",
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])",
    )
    assert min(left for left, _ in boxes) >= 0
    assert max(right for _, right in boxes) <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_right_to_left_text_runs_and_walks_from_the_right(
    page: Any, find: Find
) -> None:
    find(ARABIC)
    first, last = page.eval_on_selector_all(
        "#marked > mark", "marks => marks.map(m => m.getBoundingClientRect().left)"
    )
    assert first > last
    page.focus("#marked mark")
    page.keyboard.press("ArrowLeft")
    name = page.evaluate("document.activeElement.ariaLabel")
    assert name.startswith("جامعة القاهرة, ORGANISATION")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("نجيب")


def test_each_paragraph_has_its_own_direction(page: Any, find: Find) -> None:
    find(f"In London\n{ARABIC}")
    left, _, arabic = (
        page.locator("#marked > mark").nth(i).bounding_box() for i in (0, 1, 1)
    )
    box = page.locator("#marked").bounding_box()
    middle = box["x"] + box["width"] / 2
    assert left["x"] < middle < arabic["x"]


def test_a_label_stays_on_the_line_of_its_word(page: Any, find: Find) -> None:
    for width in range(320, 380, 10):
        page.set_viewport_size({"width": width, "height": 740})
        find("Charles Babbage and 渋沢栄一 and Ada Lovelace " * 3)
        gaps = page.eval_on_selector_all(
            "#marked mark",
            """marks => marks.map(mark => {
                const range = document.createRange();
                const text = mark.firstChild;
                range.setStart(text, text.length - 1);
                range.setEnd(text, text.length);
                const label = mark.querySelector(".label").getClientRects();
                const word = [...range.getClientRects()].at(-1);
                return [label.length, Math.abs(label[0].bottom - word.bottom)];
            })""",
        )
        assert [count for count, _ in gaps] == [1] * 9
        assert max(gap for _, gap in gaps) < 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anyone_out(
    page: Any, find: Find, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.emulate_media(color_scheme=scheme)
    find(f"{NESTED}\n{ARABIC}")
    page.click("#list summary")
    found = axe.Axe().run(page).response
    assert [rule["help"] for rule in found["violations"]] == []
    assert len(found["passes"]) > 30
