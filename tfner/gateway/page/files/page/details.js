/** What is known of the entity under the pointer or the focus, and the way to the next. */

import { scoreText, tag } from "./marks.js";

const GAP = 8; // Pixels between a mark and its details, and to the window's edges.

/** Details of the marks inside `root`; `result` tells what is drawn there. */
export class Details {
  #root;
  #tip;
  #result;

  constructor(root, tip, result) {
    this.#root = root;
    this.#tip = tip;
    this.#result = result;
    root.addEventListener("pointerover", ({ target }) => 
      this.#show(target.closest("mark") ?? this.#focused()));
    root.addEventListener("pointerleave", () => this.#show(this.#focused()));
    root.addEventListener("focusin", ({ target }) => {
      for (const mark of this.#marks()) mark.tabIndex = mark === target ? 0 : -1;
      this.#show(target.closest("mark"));
    });
    root.addEventListener("focusout", () => this.hide());
    root.addEventListener("scroll", () => this.#show(this.#focused()));
    root.addEventListener("click", ({ target }) => this.#focus(target.closest("mark")));
    root.addEventListener("keydown", (event) => this.#walk(event));
  }

  hide() {
    this.#tip.hidden = true;
    for (const mark of this.#root.querySelectorAll(".active")) mark.classList.remove("active");
  }

  #marks() {
    return [...this.#root.querySelectorAll("mark:not(.continued)")];
  }

  #parts(mark) {
    return this.#root.querySelectorAll(`mark[data-entity="${mark.dataset.entity}"]`);
  }

  #focused() {
    return this.#root.contains(document.activeElement)
      ? document.activeElement.closest("mark") : null;
  }

  /** Selecting text with the mouse is no click on a mark. */
  #focus(mark) {
    if (!mark || !document.getSelection().isCollapsed) return;
    this.#parts(mark)[0].focus();
  }

  #walk(event) {
    const marks = this.#marks();
    const at = marks.indexOf(this.#focused());
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const rightToLeft = getComputedStyle(this.#root).direction === "rtl";
    const goals = {
      ArrowRight: at + (rightToLeft ? -1 : 1),
      ArrowLeft: at + (rightToLeft ? 1 : -1),
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: marks.length - 1,
    };
    if (!(event.key in goals)) return;
    event.preventDefault();
    marks[Math.min(Math.max(goals[event.key], 0), marks.length - 1)].focus();
  }

  /** The entity of a mark, then those around it. */
  #show(mark) {
    this.hide();
    if (!mark) return;
    const lines = [];
    for (let m = mark; m; m = m.parentElement.closest("mark")) {
      const entity = this.#result.shown[m.dataset.entity];
      lines.push(line(entity, this.#result.hues.get(entity.label)));
    }
    this.#tip.replaceChildren(...lines);
    for (const part of this.#parts(mark)) part.classList.add("active");
    this.#tip.hidden = false;
    this.#place(mark);
  }

  /** Above the mark's first line, or below it where the window begins. */
  #place(mark) {
    const [line] = mark.getClientRects();
    const { width, height } = this.#tip.getBoundingClientRect();
    const rightToLeft = getComputedStyle(mark).direction === "rtl";
    const widest = document.documentElement.clientWidth - width - GAP;
    const left = Math.max(GAP, Math.min(rightToLeft ? line.right - width : line.left, widest));
    const above = line.top - GAP - height;
    const top = above < GAP ? line.bottom + GAP : above;
    this.#tip.style.setProperty("left", `${left + scrollX}px`);
    this.#tip.style.setProperty("top", `${top + scrollY}px`);
  }
}

/** One entity: its label, its text, and its score as a bar and as figures. */
function line({ text, label, score }, hue) {
  const element = document.createElement("div");
  const words = Object.assign(document.createElement("bdi"), { textContent: text });
  const figures = Object.assign(document.createElement("span"), { className: "figures" });
  if (score != null) {
    const meter = Object.assign(document.createElement("span"), { className: "meter" });
    meter.style.setProperty("--score", String(score));
    figures.append(meter);
  }
  figures.append(scoreText(score));
  element.append(tag(label, hue), words, figures);
  return element;
}
