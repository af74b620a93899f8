/** A colour of its own for each label, the same on every visit. */

const HUES = 16;
const STEP = 5; // Without a common factor with HUES: reaches every hue.

/** FNV-1a over the UTF-16 code units. */
function hash(label) {
  let value = 0x811c9dc5;
  for (let at = 0; at < label.length; at += 1) {
    value = Math.imul(value ^ label.charCodeAt(at), 0x01000193) >>> 0;
  }
  return value;
}

/**
 * Choose the hues of a model's labels; style.css makes colours of enough contrast of them.
 *
 * Where there are more labels than hues, the later ones get deep colours and double lines.
 *
 * @param {Iterable<string>} labels in any order.
 * @returns {Map<string, {hue: number, deep: boolean}>} degrees by label.
 */
export function huesOf(labels) {
  const hues = new Map();
  const taken = new Set();
  let deep = false;
  for (const label of [...new Set(labels)].sort()) {
    if (taken.size === HUES) {
      taken.clear();
      deep = !deep;
    }
    let slot = hash(label) % HUES;
    while (taken.has(slot)) slot = (slot + STEP) % HUES;
    taken.add(slot);
    hues.set(label, { hue: (slot * 360) / HUES, deep });
  }
  return hues;
}

/**
 * Give an element the hue of a label.
 *
 * By the object model and not by an attribute, which the page's policy forbids.
 */
export function paint(element, { hue, deep }) {
  element.style.setProperty("--hue", String(hue));
  element.classList.toggle("deep", deep);
  return element;
}
