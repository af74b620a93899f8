/** The shown entities as text to copy. */

/** The code point index at every UTF-16 index, which Python and most programs count by. */
export function codePoints(text) {
  const indices = new Uint32Array(text.length + 1);
  let unit = 0;
  let count = 0;
  for (const character of text) {
    for (let end = unit + character.length; unit < end; unit += 1) indices[unit] = count;
    count += 1;
  }
  indices[unit] = count;
  return indices;
}

/**
 * Entities as the server's own JSON, with the text and with offsets in code points.
 *
 * @param {{text: string, model: string, version: *}} answer what they were found in.
 * @param {object[]} entities those that are shown.
 */
export function toJson({ text, model, version }, entities) {
  const indices = codePoints(text);
  const counted = entities.map((entity) =>
    ({ ...entity, start: indices[entity.start], end: indices[entity.end] }));
  const documents = [{ text, entities: counted }];
  return `${JSON.stringify({ model, version, offsets: "characters", documents }, null, 2)}\n`;
}

/** Entities of which none lies inside or across another: the outer ones, then the first. */
export function flat(text, entities) {
  const longestFirst = [...entities].sort(
    (a, b) => (b.end - b.start) - (a.end - a.start) || a.start - b.start);
  const taken = new Uint8Array(text.length);
  const kept = longestFirst.filter(({ start, end }) => {
    const free = !taken.subarray(start, end).includes(1);
    if (free) taken.fill(1, start, end);
    return free;
  });
  return kept.sort((a, b) => a.start - b.start);
}

/** Language of a text where its script tells: it decides the shapes of Chinese characters. */
export function languageOf(text) {
  if (/[\u3041-\u30fa]/.test(text)) return "ja";
  return /[\uac00-\ud7a3]/.test(text) ? "ko" : "";
}

/** Words by the browser's rules for the language, cut where entities begin and end. */
function* words(text, language, borders) {
  const segmenter = new Intl.Segmenter(language || "en", { granularity: "word" });
  for (const { segment, index } of segmenter.segment(text)) {
    let start = index;
    const end = index + segment.length;
    for (let at = start + 1; at <= end; at += 1) {
      if (at === end || borders.has(at)) {
        yield { start, end: at, word: text.slice(start, at) };
        start = at;
      }
    }
  }
}

/**
 * Entities as lines of word, tab and tag of IOB2, with a blank line for a line break.
 *
 * @param {string} text what the entities are of.
 * @param {object[]} entities may nest: columns hold the outer ones only.
 * @param {string} language of the text, "" where it is not known.
 * @returns {{lines: string, words: number, lost: number}} and how many entities are lost.
 */
export function toConll(text, entities, language) {
  const kept = flat(text, entities);
  const borders = new Set(kept.flatMap(({ start, end }) => [start, end]));
  const lines = [];
  let count = 0;
  let current = 0;
  let begun = -1;
  for (const { start, end, word } of words(text, language, borders)) {
    while (current < kept.length && kept[current].end <= start) current += 1;
    const entity = kept[current]?.start <= start ? kept[current] : null;
    if (/^[\s\p{Cf}]*$/u.test(word)) {
      if (word.includes("\n") && !entity && lines.length && lines.at(-1)) lines.push("");
      continue;
    }
    const prefix = begun === current ? "I" : "B";
    lines.push(`${word}\t${entity ? `${prefix}-${entity.label}` : "O"}`);
    if (entity) begun = current;
    count += 1;
  }
  return { lines: `${lines.join("\n")}\n\n`, words: count, lost: entities.length - kept.length };
}
