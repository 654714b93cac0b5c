"""Documentation page of the API, without scripts."""

import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8886}"
)


def docs_page(schema: dict[str, Any]) -> str:
    """Render an OpenAPI schema as HTML.

    Args:
        schema: returned by `FastAPI.openapi`.
    """
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>",
        f"<title>{escape(schema['info']['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(schema['info']['title'])}</h1><p>{escape(schema['info']['description'])}</p>",
        "<p><a href=openapi.json>openapi.json</a></p>",
    ]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2>")
            parts.append(f"<p>{escape(operation.get('summary', ''))}</p>")
            parts.append(_fields(schema, operation))
            responses = operation["responses"].items()
            parts.append(_table((code, response["description"]) for code, response in responses))
    return "".join(parts)


def _fields(schema: dict[str, Any], operation: dict[str, Any]) -> str:
    """Render the form fields of an operation."""
    rows: list[tuple[str, str]] = []
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        for name, field in body["properties"].items():
            required = " (required)" if name in body.get("required", ()) else ""
            rows.append((name + required, " ".join(_description(field))))
    return _table(rows)


def _description(field: dict[str, Any]) -> Iterator[str]:
    """Yield the description, range and default of a field."""
    yield field.get("description", "")
    if "exclusiveMinimum" in field:
        yield f"Above {field['exclusiveMinimum']:,.0f}, up to {field['maximum']:,.0f}."
    elif "minimum" in field:
        yield f"{field['minimum']:,.0f} to {field['maximum']:,.0f}."
    if "default" in field:
        yield f"Default: {json.dumps(field['default'])}."


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"<tr><th>{escape(name)}<td>{escape(text)}" for name, text in rows)
    return f"<table>{''.join(lines)}</table>"
