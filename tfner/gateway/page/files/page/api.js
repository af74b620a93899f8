/** The questions that the page asks its server; every fault is a sentence. */

/** What went wrong, as a sentence for the reader; `status` is 0 without an answer. */
export class ServerError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/**
 * Ask for the models that are served.
 *
 * @returns {Promise<object[]>} name, version, versions, labels, nested and state of each.
 */
export async function askModels(token) {
  const answer = await ask("v1/models", { token });
  return answer.models ?? [];
}

/**
 * Ask for the entities of one text.
 *
 * @param {object} question text; model and version, which may be missing; token; signal.
 * @returns {Promise<object>} model, version, and the entities with offsets in UTF-16.
 * @throws {ServerError} when there is no answer, or one that does not fit the text.
 */
export async function askEntities({ text, model, version, token, signal }) {
  const body = JSON.stringify({ texts: [text], model, version, offsets: "utf16" });
  const answer = await ask("v1/entities", { token, signal, body });
  const entities = answer.documents?.[0]?.entities;
  if (!entities?.every((e) => text.slice(e.start, e.end) === e.text)) {
    throw new ServerError(
      "The entities that the server sent do not fit the text: server and page are of " +
      "different versions. Load the page anew.");
  }
  return { model: answer.model, version: answer.version, entities };
}

/** Addresses are relative, so that the page also works below a path of a proxy. */
async function ask(path, { token, signal, body }) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    const method = body ? "POST" : "GET";
    response = await fetch(path, { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The server does not answer. See whether it runs, then try again.");
  }
  const answer = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && answer) return answer;
  if (response.status === 401) {
    throw new ServerError(token
      ? "The server does not take this access token."
      : "The server wants an access token: enter it above the text.", 401);
  }
  throw new ServerError(sentence(response, answer), response.status);
}

function sentence(response, answer) {
  const { status, headers } = response;
  const message = answer?.error?.message ??
    `The server answered with status ${status} and without a reason that this page can read`;
  const parts = [message.replace(/^./u, (first) => first.toUpperCase()).replace(/[.\s]*$/, ".")];
  const wait = Number(headers.get("Retry-After"));
  if (wait > 0) parts.push(`Try again in ${wait} s.`);
  const id = headers.get("X-Request-Id");
  if (id) parts.push(`(Request ${id})`);
  return parts.join(" ");
}
