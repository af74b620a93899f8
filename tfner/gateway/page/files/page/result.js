/** The answer to one text: marks, filters and the list, all drawn from what is shown. */

import { huesOf, paint } from "./colours.js";
import { codePoints, languageOf } from "./formats.js";
import { draw, inOrder, scoreText, tag } from "./marks.js";

const LISTED = 500; // More rows make the slider slow.

const byId = (id) => document.getElementById(id);

/** `1 entity`, `1,200 entities`. */
export function counted(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** What is drawn below the form. Labels once hidden stay hidden in later answers. */
export class Result {
  answer = null;
  shown = [];
  hues = new Map();
  #hidden = new Set();
  #indices = new Uint32Array(1);
  #counts = new Map();
  #frame = 0;

  constructor() {
    byId("threshold").addEventListener("input", () => this.#drawSoon());
    byId("labels").addEventListener("change", ({ target }) => {
      this.#hidden[target.checked ? "delete" : "add"](target.value);
      this.#draw();
    });
    byId("rows").addEventListener("click", ({ target }) => {
      const index = target.closest("button")?.dataset.entity;
      if (index === undefined) return;
      byId("marked").querySelector(`mark[data-entity="${index}"]`).focus();
    });
  }

  /**
   * Show an answer.
   *
   * @param {object} answer text, model, version and entities, offsets in UTF-16.
   * @param {string[]} labels all that the model knows.
   */
  show(answer, labels) {
    this.answer = { ...answer, entities: inOrder(answer.entities) };
    const found = new Set(answer.entities.map(({ label }) => label));
    this.hues = huesOf([...labels, ...found]);
    this.#indices = codePoints(answer.text);
    byId("marked").lang = languageOf(answer.text);
    byId("result").hidden = false;
    this.#drawLabels([...found].sort(), labels.filter((label) => !found.has(label)));
    this.#draw();
  }

  /** Show everything again. */
  reset() {
    byId("threshold").value = 0;
    this.#hidden.clear();
    for (const box of byId("labels").querySelectorAll("input")) box.checked = true;
    this.#draw();
  }

  #drawLabels(found, missing) {
    this.#counts.clear();
    const chips = found.map((label) => {
      const chip = document.createElement("label");
      const box = Object.assign(document.createElement("input"),
        { type: "checkbox", value: label, checked: !this.#hidden.has(label) });
      const name = Object.assign(document.createElement("bdi"), { textContent: label });
      const count = Object.assign(document.createElement("span"), { className: "count" });
      chip.className = "chip";
      paint(chip, this.hues.get(label));
      chip.append(box, name, count);
      this.#counts.set(label, count);
      return chip;
    });
    byId("labels").replaceChildren(...chips);
    const names = missing.sort().flatMap((label, at) => [at ? ", " : "Not found: ",
      Object.assign(document.createElement("bdi"), { textContent: label })]);
    byId("missing").replaceChildren(...names);
    byId("missing").hidden = !missing.length;
  }

  /** Once a frame: a slider moves more often than a long text can be drawn. */
  #drawSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { text, entities } = this.answer;
    const least = Number(byId("threshold").value);
    const above = entities.filter(({ score }) => score == null || score >= least);
    this.shown = above.filter(({ label }) => !this.#hidden.has(label));
    byId("threshold-value").value = least.toFixed(2);
    for (const [label, count] of this.#counts) {
      count.textContent = above.filter((entity) => entity.label === label).length;
    }
    const { fragment, layers } = draw(text, this.shown, this.hues);
    const marked = byId("marked");
    marked.removeAttribute("dir"); // Browsers look for the direction at each new child.
    marked.replaceChildren(fragment);
    marked.dir = "auto";
    marked.style.setProperty("--layers", String(layers));
    const first = marked.querySelector("mark");
    if (first) first.tabIndex = 0;
    this.#drawList();
    this.#drawNone();
  }

  #drawNone() {
    const { entities } = this.answer;
    const none = byId("none");
    none.hidden = this.shown.length === entities.length && entities.length > 0;
    if (none.hidden) return;
    const hidden = entities.length - this.shown.length;
    none.textContent = hidden
      ? `${counted(hidden, "entity is", "entities are")} hidden by score or label. `
      : "The model finds no entity in this text.";
    if (!hidden) return;
    const button = Object.assign(document.createElement("button"),
      { type: "button", className: "link", textContent: "Show all" });
    button.addEventListener("click", () => {
      this.reset();
      byId("threshold").focus();
    });
    none.append(button);
  }

  #drawList() {
    byId("rows").replaceChildren(...this.shown.slice(0, LISTED).map((entity, index) => {
      const row = document.createElement("tr");
      const button = Object.assign(document.createElement("button"),
        { type: "button", className: "link", dir: "auto", textContent: entity.text });
      button.dataset.entity = index;
      const label = tag(entity.label, this.hues.get(entity.label));
      const places = [this.#indices[entity.start], this.#indices[entity.end]];
      const cells = [button, label, scoreText(entity.score), ...places];
      for (const cell of cells) row.insertCell().append(cell);
      return row;
    }));
    const more = this.shown.length - LISTED;
    byId("list").hidden = !this.shown.length;
    byId("rest").hidden = more <= 0;
    byId("rest").textContent = `The first ${LISTED} are listed; the copies hold all.`;
  }
}
