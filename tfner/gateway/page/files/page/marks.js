/** Text with marked entities; the same steps as tfner/reports/marks.py takes. */

import { paint } from "./colours.js";

const LONGEST_LABEL = 24; // The details hold longer ones in full.

/** Entities in the order of a document: by start, the longer one first. */
export function inOrder(entities) {
  return [...entities].sort((a, b) =>
    a.start - b.start || b.end - a.end || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
}

/**
 * Draw a text with its entities; the steps nest as tags of HTML do.
 *
 * A mark is drawn inside the marks around it. Of two that cross, the inner one closes
 * where the outer one ends, and opens again.
 *
 * @param {string} text every character appears in exactly one step.
 * @param {{start: number, end: number}[]} entities as `inOrder` gives them.
 * @yields {{text?: string, opens?: number, closes?: number, ends?: boolean}} a text, or
 *   the index of the entity whose mark opens or closes; `ends` is false where it opens
 *   again.
 */
export function* steps(text, entities) {
  let opened = [];
  let next = 0;
  let drawn = 0;
  const borders = new Set(entities.flatMap(({ start, end }) => [start, end]));
  for (const border of [...borders].sort((a, b) => a - b)) {
    if (drawn < border) yield { text: text.slice(drawn, border) };
    drawn = border;
    const ended = opened.findIndex((index) => entities[index].end === border);
    const outer = ended < 0 ? opened.length : ended;
    for (const index of opened.slice(outer).reverse()) {
      yield { closes: index, ends: entities[index].end === border };
    }
    const starting = opened.slice(outer).filter((index) => entities[index].end > border);
    while (next < entities.length && entities[next].start === border) starting.push(next++);
    for (const index of starting) yield { opens: index };
    opened = [...opened.slice(0, outer), ...starting];
  }
  if (drawn < text.length) yield { text: text.slice(drawn) };
}

/** A label in its colour, in full. */
export function tag(label, hue) {
  const element = document.createElement("small");
  return paint(Object.assign(element, { className: "label", textContent: label }), hue);
}

/** The label at the end of a mark. */
function ending(label, hue) {
  const characters = [...label];
  const short = characters.slice(0, LONGEST_LABEL - 1).join("");
  const element = tag(characters.length > LONGEST_LABEL ? `${short}…` : label, hue);
  element.setAttribute("aria-hidden", "true"); // The mark's own name says it.
  return element;
}

function part(index, entity, hue, continued) {
  const mark = paint(document.createElement("mark"), hue);
  mark.dataset.entity = index;
  if (continued) {
    mark.classList.add("continued");
    return mark;
  }
  mark.tabIndex = -1;
  mark.setAttribute("role", "group"); // May hold other entities; that of a button may not.
  mark.setAttribute("aria-roledescription", "entity");
  mark.setAttribute("aria-label", `${entity.text}, ${entity.label}, ${scoreWords(entity)}`);
  return mark;
}

/** A score as it is shown; the first digits of 0.9996 stay 0.999, as 1 would be wrong. */
export function scoreText(score) {
  return score == null ? "no score" : (Math.floor(score * 1000 + 1e-9) / 1000).toFixed(3);
}

function scoreWords({ score }) {
  return score == null ? "no score" : `score ${scoreText(score)}`;
}

/**
 * Make the elements of a marked text.
 *
 * @param {string} text shown as it is.
 * @param {object[]} entities as `inOrder` gives them: start, end (UTF-16), label, text, score.
 * @param {Map<string, object>} hues of labels, as `huesOf` gives them.
 * @returns {{fragment: DocumentFragment, layers: number}} and how many marks lie above
 *   each other at most.
 */
export function draw(text, entities, hues) {
  const fragment = document.createDocumentFragment();
  const stack = [fragment];
  const parts = entities.map(() => []);
  const inside = entities.map(() => []);
  const path = [];
  for (const step of steps(text, entities)) {
    if (step.text !== undefined) {
      stack.at(-1).append(step.text);
    } else if (step.opens !== undefined) {
      const entity = entities[step.opens];
      const continued = parts[step.opens].length > 0;
      const mark = part(step.opens, entity, hues.get(entity.label), continued);
      parts[step.opens].push(mark);
      if (path.length) inside[path.at(-1)].push(step.opens);
      path.push(step.opens);
      stack.at(-1).append(mark);
      stack.push(mark);
    } else {
      path.pop();
      const mark = stack.pop();
      const { label } = entities[step.closes];
      if (step.ends) mark.append(ending(label, hues.get(label)));
      else mark.classList.add("goes-on");
    }
  }
  return { fragment, layers: layer(parts, inside) };
}

/** Put the line of each mark below those of the marks inside it; count the layers. */
function layer(parts, inside) {
  const heights = parts.map(() => 0);
  // An entity comes before those inside it.
  for (let index = parts.length - 1; index >= 0; index -= 1) {
    heights[index] = inside[index].reduce((most, i) => Math.max(most, heights[i] + 1), 0);
    for (const mark of parts[index]) mark.style.setProperty("--layer", String(heights[index]));
  }
  return heights.reduce((most, height) => Math.max(most, height + 1), 0);
}
