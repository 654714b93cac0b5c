"""Documentation page of the HTTP API, `/api/docs`: its OpenAPI schema as HTML, without scripts."""

import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from srgan_gp.serving.server_settings import ServerSettings

_CSS = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;width:100%}"
    "pre{overflow:auto;padding:.5rem;background:#8882}"
    "td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8886}"
)

_EXAMPLES = (
    ("Upscale an image",
     "curl -F picture=@photo.jpg -F scale=2 -o photo_x2.jpg {address}/api/upscale"),
    ("Generate a face", "curl -F seed=7 -o face.png {address}/api/generate"),
    ("Start a long job, follow its progress, then fetch its result",
     "curl -F picture=@photo.jpg '{address}/api/upscale?async=1'\n"
     "curl -N {address}/api/jobs/ID/events\n"
     "curl -OJ {address}/api/jobs/ID/result"),
    ("Cancel a job", "curl -X POST {address}/api/jobs/ID/cancel"),
    ("List the models", "curl {address}/api/models"),
)  # fmt: skip
"""Purpose and command of each example; `{address}` stands for the URL of the server."""


def docs_page(schema: dict[str, Any], settings: ServerSettings, address: str) -> str:
    """Render an OpenAPI schema as HTML, with examples and limits.

    Args:
        schema: returned by `FastAPI.openapi`.
        settings: settings of the server, with the limits.
        address: URL of the server as the client sees it, without a path.

    Returns:
        The whole HTML document.
    """
    title, description = escape(schema["info"]["title"]), escape(schema["info"]["description"])
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>",
        f"<title>{title}</title><style>{_CSS}</style>",
        f"<h1>{title}</h1><p>{description}</p>",
        "<p><a href=openapi.json>openapi.json</a></p>",
    ]
    parts.append("<h2>Examples</h2>")
    for purpose, command in _EXAMPLES:
        code = escape(command.format(address=address))
        parts.append(f"<p>{escape(purpose)}:</p><pre><code>{code}</code></pre>")
    parts += ["<h2>Limits</h2>", _render_table(_limits(settings))]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2>")
            parts.append(f"<p>{escape(operation.get('summary', ''))}</p>")
            parts.append(_render_fields(schema, operation))
            responses = operation["responses"].items()
            rows = ((status, response["description"]) for status, response in responses)
            parts.append(_render_table(rows))
    return "".join(parts)


def _limits(settings: ServerSettings) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of each limit of a server that clients have to know."""
    yield "Size of a request", f"{settings.max_upload_bytes / 1_000_000:g} MB"
    yield "Pixels of an image", f"{settings.max_pixels / 1_000_000:g} megapixels"
    yield "Jobs of one client", f"{settings.pending_per_client} at a time"
    yield "Queue", f"{settings.queue_size} jobs of all clients"
    kept = f"{settings.keep_seconds / 60:g} min after the job has ended"
    yield "Results of jobs with async=1", f"kept for {kept}; only you can fetch them"


def _render_fields(schema: dict[str, Any], operation: dict[str, Any]) -> str:
    """Render the parameters and form fields of an operation as an HTML table.

    Of a parameter only the description is shown, which says what its values mean.
    """
    rows: list[tuple[str, str]] = []
    for parameter in operation.get("parameters", ()):
        rows.append((parameter["name"], parameter.get("description", "")))
    body_by_media_type = operation.get("requestBody", {}).get("content", {})
    for body in body_by_media_type.values():
        # All bodies are forms. The schema of a form is a reference, `#/components/schemas/NAME`.
        _path, _slash, schema_name = body["schema"]["$ref"].rpartition("/")
        form = schema["components"]["schemas"][schema_name]
        for name, field in form["properties"].items():
            required = " (required)" if name in form.get("required", ()) else ""
            rows.append((name + required, " ".join(_description(field))))
    return _render_table(rows)


def _description(field: dict[str, Any]) -> Iterator[str]:
    """Yield the description, range and default of a form field, as sentences.

    Every field with a minimum has a maximum too.
    """
    yield field.get("description", "")
    if "exclusiveMinimum" in field:
        yield f"Above {field['exclusiveMinimum']:,.0f}, up to {field['maximum']:,.0f}."
    elif "minimum" in field:
        yield f"{field['minimum']:,.0f} to {field['maximum']:,.0f}."
    if "default" in field:
        yield f"Default: {json.dumps(field['default'])}."


def _render_table(rows: Iterable[tuple[str, str]]) -> str:
    """Render rows of (name, text) as an HTML table."""
    lines = [f"<tr><th>{escape(name)}<td>{escape(text)}" for name, text in rows]
    return f"<table>{''.join(lines)}</table>"
