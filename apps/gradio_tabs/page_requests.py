"""Keys of the page, the visitor and the address of a request."""

import gradio as gr

from srgan_gp.serving.guards.client_limits import client_of


def page_of(request: gr.Request) -> str:
    """Return the key of one page in one browser; it changes when the page is loaded again."""
    return f"page-{request.session_hash}"


def visitor_of(request: gr.Request) -> str:
    """Return the key of a visitor: of the cookie, and without one that of the page.

    With a cookie it is that of `serving.http.job_routes.owner_of`, whose routes find these jobs.
    """
    scope = getattr(getattr(request, "request", None), "scope", {})
    visitor = scope.get("visitor")
    return page_of(request) if visitor is None else f"visitor-{visitor}"


def address_of(request: gr.Request) -> str:
    """Return the IPv4 address or IPv6 network of a visitor, which several visitors may share."""
    return client_of({"client": request.client})
