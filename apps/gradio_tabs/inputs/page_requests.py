"""Identification of a Gradio event and its client: number, page, visitor and network address.

A visitor is one browser. It may have several pages open, and several visitors may share an address.
"""

from typing import Any

import gradio as gr

from srgan_gp.serving.guards.client_limits import client_of


def page_of(request: gr.Request) -> str:
    """Return the key of one open page; it changes when the page is loaded again."""
    return f"page-{request.session_hash}"


def number_of(request: gr.Request) -> int:
    """Return the number of the event's request; it is larger for a request that arrived later.

    It is set by `serving.guards.request_numbers`.
    """
    return _scope(request)["request_number"]


def visitor_of(request: gr.Request) -> str:
    """Return the key of a visitor: from the cookie of the browser, else the key of the page.

    With a cookie the key equals that of `serving.http.job_routes.owner_of`, so that the routes of
    the HTTP API find the jobs of the page.
    """
    cookie = _scope(request).get("visitor")  # set by `serving.guards.visitor_cookies`
    return page_of(request) if cookie is None else f"visitor-{cookie}"


def address_of(request: gr.Request) -> str:
    """Return the IPv4 address or IPv6 network of a visitor, for the limits per client."""
    return client_of({"client": request.client})  # the one key of an ASGI scope that it reads


def _scope(request: gr.Request) -> dict[str, Any]:
    """Return the ASGI scope of the event's HTTP request; empty if there is no request."""
    http_request = getattr(request, "request", None)  # of Starlette
    return getattr(http_request, "scope", {})
