import pytest

from srgan_gp.serving.guards.security_headers import SecurityHeaders, page_policy


def responding(kind, *chunks):
    async def app(scope, receive, send):
        headers = [(b"content-type", kind.encode()), (b"x-content-type-options", b"odd")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, chunk in enumerate(chunks, start=1):
            more = number < len(chunks)
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    return SecurityHeaders(app)


def directives(policy):
    return {line.split()[0]: line.split()[1:] for line in policy.split("; ")}


def test_inline_script_hash_example_of_the_standard():
    """The example of Content Security Policy Level 3, section 8.3."""
    policy = page_policy(b"<html><script>alert('Hello, world.');</script>")
    known = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    assert directives(policy)["script-src"] == ["'self'", known]


def test_page_allows_its_own_scripts_only():
    rules = directives(page_policy(b"<script src=a.js></script><SCRIPT data-x>\n1\n</SCRIPT>"))
    assert len(rules["script-src"]) == 2
    assert not {"'unsafe-inline'", "'unsafe-eval'", "data:"} & set(rules["script-src"])
    assert rules["script-src-attr"] == ["'none'"]
    assert rules["default-src"] == ["'none'"]
    assert rules["connect-src"] == ["'self'"]
    assert rules["frame-ancestors"] == ["'none'"]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "image/png"])
def test_every_response_has_the_headers_and_its_body(ask, kind):
    response = ask(responding(kind, b"<script>1</scr", b"", b"ipt>"), path="/anything")
    assert response.body == b"<script>1</script>"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "same-origin"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    has_hash = "sha256-" in response.headers["content-security-policy"]
    assert has_hash is kind.startswith("text/html")


@pytest.mark.parametrize("path", ["/gradio_api/file=/tmp/a.html", "/api/upscale"])
def test_html_file_of_a_visitor_is_sandboxed(ask, path):
    response = ask(responding("text/html", b"<script>1</script>"), path=path)
    policy = response.headers["content-security-policy"]
    assert directives(policy) == {"default-src": ["'none'"], "frame-ancestors": ["'none'"],
                                  "sandbox": []}  # fmt: skip


def test_page_is_requested_uncompressed(ask):
    seen = []

    async def app(scope, receive, send):
        seen.append(dict(scope["headers"]).get(b"accept-encoding"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for accept in ("text/html,*/*", "*/*"):
        ask(SecurityHeaders(app), headers={"accept": accept, "accept-encoding": "br"})
    assert seen == [None, b"br"]
