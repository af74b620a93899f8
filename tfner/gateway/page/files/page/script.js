/** The page: what the reader does, and what happens then. */

import { askEntities, askModels } from "./api.js";
import { huesOf } from "./colours.js";
import { Details } from "./details.js";
import { ENCODINGS, decode, readFile } from "./files.js";
import { languageOf, toConll, toJson } from "./formats.js";
import { tag } from "./marks.js";
import { Result, counted } from "./result.js";

const byId = (id) => document.getElementById(id);

const result = new Result();
const details = new Details(byId("marked"), byId("tip"), result);
let models = [];
let running = null;

function fail(error) {
  byId("error").textContent = error?.message ?? "";
  byId("error").hidden = !error;
  if (error?.status === 401) {
    byId("token-field").hidden = false;
    byId("token").focus();
  }
}

function announce(id, ...content) {
  byId(id).replaceChildren(...content);
  byId(id).hidden = !content.length;
}

// Models and versions

function option(value, text = String(value)) {
  return Object.assign(document.createElement("option"), { value, textContent: text });
}

function chosenModel() {
  return models[byId("model").selectedIndex];
}

async function loadModels() {
  const name = chosenModel()?.name;
  try {
    models = await askModels(byId("token").value);
  } catch (error) {
    fail(error);
    return;
  }
  byId("model").replaceChildren(...models.map((model) => option(model.name)));
  byId("model").disabled = models.length < 2;
  byId("model").selectedIndex = Math.max(0, models.findIndex((model) => model.name === name));
  offerVersions();
}

function offerVersions() {
  const { version, versions } = chosenModel() ?? {};
  const all = versions?.length ? versions : [version ?? ""];
  byId("version").replaceChildren(...all.map((v) => option(v)));
  byId("version").selectedIndex = Math.max(0, all.indexOf(version));
  byId("version").disabled = all.length < 2;
  describeModel();
}

/** Before the first answer, what the model may find; always, what of it is not served. */
function describeModel() {
  const { name, labels, refused } = chosenModel() ?? {};
  const known = !result.answer && labels?.length;
  const hues = huesOf(labels ?? []);
  const tags = (known ? [...labels].sort() : []).map((label) => tag(label, hues.get(label)));
  if (known) announce("legend", `Labels of ${name}:`, ...tags.flatMap((t) => [" ", t]));
  else announce("legend");
  const refusals = Object.entries(refused ?? {}).map(
    ([version, reason]) => `Version ${version} is not served: ${reason}`);
  announce("refused", ...refusals.flatMap((r) => [r, document.createElement("br")]));
}

/** The server's own choice is left to it: it may be a newer version by now. */
function chosenVersion() {
  const { version, versions } = chosenModel() ?? {};
  const chosen = versions?.[byId("version").selectedIndex];
  return chosen === version ? undefined : chosen;
}

// Finding entities

function wait(busy) {
  byId("form").setAttribute("aria-busy", String(busy));
  byId("run").textContent = busy ? "Stop" : "Find entities";
}

async function run() {
  const text = byId("text").value.toWellFormed();
  fail(null);
  announce("copied");
  if (!text.trim()) {
    fail(new Error("There is no text yet: type or paste one, or choose an example."));
    byId("text").focus();
    return;
  }
  running?.abort();
  const controller = new AbortController();
  running = controller;
  wait(true);
  const model = chosenModel();
  const began = performance.now();
  try {
    const answer = await askEntities({
      text,
      model: model?.name,
      version: chosenVersion(),
      token: byId("token").value,
      signal: controller.signal,
    });
    if (running === controller) show(text, answer, model, performance.now() - began);
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
    if (error.status === 404) loadModels(); // The version may have gone.
  }
  if (running === controller) {
    running = null;
    wait(false);
  }
}

function show(text, answer, model, milliseconds) {
  result.show({ ...answer, text }, model?.labels ?? []);
  byId("result").classList.remove("stale");
  describeModel();
  const number = counted(answer.entities.length, "entity", "entities");
  const by = `${answer.model}, version ${answer.version}`;
  announce("status", Object.assign(document.createElement("b"), { textContent: number }),
    ` by ${by}, in ${Math.round(milliseconds).toLocaleString("en")} ms`);
  if (!model?.versions?.includes(answer.version)) loadModels(); // There is a new one.
  if (byId("text").value.toWellFormed() !== text) outdate(); // Typed on while waiting.
  const { top } = byId("result").getBoundingClientRect();
  if (top > innerHeight / 2) byId("result").scrollIntoView();
}

function stop() {
  running?.abort();
  running = null;
  wait(false);
}

/** What is below no longer belongs to what is above. */
function outdate() {
  byId("text").lang = languageOf(byId("text").value);
  if (!result.answer || byId("result").classList.contains("stale")) return;
  byId("result").classList.add("stale");
  announce("status", "The text or the model has changed since: find entities again.");
}

function setText(text) {
  byId("text").value = text;
  announce("notice");
  fail(null);
  outdate();
}

// Files

async function open(files) {
  try {
    if (files.length !== 1) throw new Error("Choose one file at a time.");
    const [file] = files;
    const { bytes, encoding, certain } = await readFile(file);
    setText(decode(bytes, encoding));
    const size = counted(byId("text").value.length, "character", "characters");
    if (certain) announce("notice", `${file.name}: ${size}.`);
    else announce("notice", `${file.name} is not UTF-8. It was read as `,
      encodings(bytes, encoding), "; choose another if the text looks wrong.");
    byId("text").focus();
  } catch (error) {
    fail(error);
  }
}

function encodings(bytes, encoding) {
  const select = document.createElement("select");
  select.setAttribute("aria-label", "Encoding of the file");
  select.append(...ENCODINGS.map((name) => option(name)));
  select.value = encoding;
  select.addEventListener("change", () => {
    byId("text").value = decode(bytes, select.value);
    outdate();
  });
  return select;
}

function acceptDrops() {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  for (const type of ["dragenter", "dragover"]) {
    addEventListener(type, (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      byId("drop").hidden = false;
    });
  }
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) byId("drop").hidden = true;
  });
  addEventListener("drop", (event) => {
    byId("drop").hidden = true;
    if (!holdsFiles(event)) return;
    event.preventDefault();
    open(event.dataTransfer.files);
  });
}

// Copies

/** Browsers offer navigator.clipboard only over https and on localhost. */
async function copy(content) {
  if (navigator.clipboard) return navigator.clipboard.writeText(content);
  const area = Object.assign(document.createElement("textarea"), { value: content });
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("refused");
}

async function copyAs(content, sentence) {
  const button = document.activeElement;
  try {
    await copy(content);
    announce("copied", sentence);
  } catch {
    fail(new Error("The browser does not let this page write to the clipboard. " +
      "Allow it in the settings of this page, then copy again."));
  }
  button.focus();
}

function copyJson() {
  const number = counted(result.shown.length, "entity", "entities");
  copyAs(toJson(result.answer, result.shown),
    `Copied ${number} as JSON. Offsets count code points from 0, as Python does.`);
}

function copyConll() {
  const { text } = result.answer;
  const { lines, words, lost } = toConll(text, result.shown, languageOf(text));
  const left = lost
    ? ` Left out: ${counted(lost, "entity", "entities")} inside or across another, ` +
      "since a word has one tag; the JSON holds all."
    : "";
  copyAs(lines, `Copied ${counted(words, "word", "words")} with tags of IOB2. ` +
    `Words are split as this browser does it, not as the model does.${left}`);
}

// Examples and keys

async function offerExamples() {
  const examples = await (await fetch("page/examples.json")).json();
  for (const { name, text } of examples) {
    const button = Object.assign(document.createElement("button"),
      { type: "button", className: "link", textContent: name, lang: languageOf(text) });
    button.addEventListener("click", () => {
      setText(text);
      run();
    });
    byId("examples").append(button);
  }
}

function handleKeys(event) {
  if (event.isComposing) return; // The key is for the input method.
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  } else if (event.key === "Escape") {
    details.hide();
    if (running) stop();
  }
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) stop();
  else run();
});
byId("text").addEventListener("input", outdate);
byId("model").addEventListener("change", () => {
  offerVersions();
  outdate();
});
byId("version").addEventListener("change", outdate);
byId("token").addEventListener("change", () => {
  fail(null);
  loadModels();
});
byId("file").addEventListener("change", ({ target }) => {
  open(target.files);
  target.value = "";
});
byId("copy-json").addEventListener("click", copyJson);
byId("copy-conll").addEventListener("click", copyConll);
addEventListener("keydown", handleKeys);
acceptDrops();
offerExamples();
loadModels();
