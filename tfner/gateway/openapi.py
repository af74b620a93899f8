"""The OpenAPI document, and a page of it without scripts."""

from __future__ import annotations

from html import escape
from typing import Any

import orjson
from pydantic import BaseModel

from tfner.gateway.schemas import ErrorAnswer, PlainErrorAnswer

REASONS = {
    400: "The request is not as it should be.",
    401: "The token is missing or wrong.",
    404: "There is no such model, version or address.",
    408: "The body did not arrive in time.",
    413: "The body, a text, or the number of texts is beyond a limit.",
    422: "The model cannot take a text.",
    429: "Too much waits already; Retry-After says when to come again.",
    502: "The model server behind the gateway failed.",
    503: "The gateway is about to end, or not ready.",
    504: "There was no answer in time.",
}


def refusals(*, plain: bool = False) -> dict[int | str, dict[str, Any]]:
    """Describe the answers to requests that are refused.

    Args:
        plain: whether `error` is the message alone.
    """
    model = PlainErrorAnswer if plain else ErrorAnswer
    return {
        status: {"model": model, "description": reason}
        for status, reason in REASONS.items()
    }


def json_body(*schemas: type[BaseModel], **others: Any) -> dict[str, Any]:
    """Describe a body that a route reads itself.

    Args:
        *schemas: what JSON may be.
        **others: `content` of other media types.
    """
    shapes = [inlined(schema.model_json_schema()) for schema in schemas]
    schema = shapes[0] if len(shapes) == 1 else {"oneOf": shapes}
    content = {"application/json": {"schema": schema}, **others.get("content", {})}
    return {"requestBody": {"required": True, "content": content}}


def inlined(schema: Any) -> Any:
    """A JSON schema with its definitions in the places that refer to them."""
    definitions = schema.get("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, list):
            return [resolve(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolve(definitions[part["$ref"].rpartition("/")[2]])
        return {key: resolve(item) for key, item in part.items() if key != "$defs"}

    return resolve(schema)


STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid; border-radius: .3rem; }
summary { cursor: pointer; padding: .3rem 0; }
code { font-family: ui-monospace, monospace; }
""".strip()


def render(document: dict[str, Any]) -> str:
    """Make a page of an OpenAPI document, which needs no script and nothing else.

    Args:
        document: as `FastAPI.openapi` gives it.
    """
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        '<p>As a document for programs: <a href="openapi.json">openapi.json</a></p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(path, method, operation))
    shown = escape(_pretty(document.get("components", {}).get("schemas", {})))
    parts.append(f"<details><summary>Schemas</summary><pre>{shown}</pre></details>")
    return "\n".join(parts)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    """One address and method, unfolded by a click or key."""
    name = f"<code>{method.upper()} {escape(path)}</code>"
    head = f"<summary>{name} {escape(operation.get('summary', ''))}</summary>"
    body = [f"<p>{escape(operation.get('description', ''))}</p>"]
    for key in ("parameters", "requestBody", "responses"):
        if operation.get(key):
            body.append(f"<h3>{key}</h3><pre>{escape(_pretty(operation[key]))}</pre>")
    return f"<details>{head}{''.join(body)}</details>"


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
