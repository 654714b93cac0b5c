import asyncio
import base64
import json

import pytest

from srgan_gp.serving.guards import access_control as access_control_module
from srgan_gp.serving.guards.access_control import HEALTH_PATHS, AccessControl
from srgan_gp.serving.server_settings import ServerSettings

OWN = "http://127.0.0.1:7860"


async def inside(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


@pytest.fixture
def control():
    return AccessControl(inside, ServerSettings())


@pytest.fixture
def public():
    return AccessControl(inside, ServerSettings(host="0.0.0.0"))


@pytest.fixture
def guarded():
    return AccessControl(inside, ServerSettings(auth=("Aladdin", "open sesame")))


def basic(text):
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_basic_authentication_example_of_the_rfc(guarded, ask):
    """The example of RFC 7617, section 2."""
    headers = {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}
    assert ask(guarded, headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("Aladdin:open"),
        basic("Aladdin:open sesame!"),
        basic("aladdin:open sesame"),
        basic(":"),
        {"authorization": "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {"authorization": "Basic ====ä"},
        {"authorization": "Basic"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/", "/api/upscale", "/gradio_api/file=/tmp/a", "/nothing"])
def test_every_path_requires_the_password(guarded, ask, headers, path, monkeypatch):
    monkeypatch.setattr(access_control_module, "WRONG_PASSWORD_DELAY_SECONDS", 0)
    response = ask(guarded, path=path, headers=headers)
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Basic ")
    assert b"sesame" not in response.body
    reason = b"wrong" if headers else b"required"
    assert reason in response.body


@pytest.mark.parametrize("path", HEALTH_PATHS)
def test_probes_need_no_password(guarded, ask, path):
    assert ask(guarded, path=path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring", "/login", "/logout", "/api/nothing", "/api/docs/x", "/docs", "/openapi.json",
        "/gradio_api/component_server", "/gradio_api/proxy=http://a", "/gradio_api/dev/reload",
        "/gradio_api/custom_component/a/client/b/c", "/gradio_api/vibe-edit", "/gradio_api/mcp/sse",
        "/gradio_api/process_recording", "/gradio_api/stream/1", "/gradio_api/file/etc/passwd",
        "/gradio_api/run/other", "/gradio_api/call/predict", "/gradio_api/deep_link",
        "/gradio_api/file=http://example.org/a.png", "/gradio_api/file=https%3A//a.png",
        "/gradio_api/file=//example.org/a", "/gradio_api/file=/tmp/\0", "//", "/healthz/",
    ],
)  # fmt: skip
def test_paths_outside_of_the_allow_list_are_404(control, ask, path):
    response = ask(control, path=path)
    assert response.status == 404
    assert json.loads(response.body)["code"] == "E_NOT_FOUND"


@pytest.mark.parametrize("path", ["/", "/healthz", "/assets/a-1.js", "/gradio_api/file=/tmp/a b"])
def test_allowed_paths_are_forwarded(control, ask, path):
    assert ask(control, path=path).body == b"inside"


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860"])
def test_local_server_accepts_loopback_hosts(control, ask, host):
    assert ask(control, headers={"host": host}).status == 200


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "192.168.0.1:7860", ""])
def test_local_server_refuses_other_hosts(control, public, ask, host):
    """DNS rebinding: another site can resolve its name to this machine."""
    assert ask(control, headers={"host": host}).status == 421
    assert ask(public, headers={"host": host}).status == 200


def test_public_name_is_accepted_as_host_and_origin(ask):
    control = AccessControl(inside, ServerSettings(public_name="Example.org"))
    for host in ("example.org", "127.0.0.1:7860"):
        headers = {"host": host, "origin": "https://example.org"}
        assert ask(control, "POST", "/api/upscale", headers).status == 200
        assert ask(control, "POST", "/api/upscale", headers | {"origin": "http://a"}).status == 403
    assert ask(control, headers={"host": "other.example.org"}).status == 421


@pytest.mark.parametrize("text", ["[", "[::1", "http://[", "http://a:b:c"])
def test_malformed_hosts_and_origins_are_refused(control, ask, text):
    assert ask(control, headers={"host": text}).status == 421
    assert ask(control, "POST", "/api/upscale", {"origin": text}).status == 403


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null", ""])
def test_post_of_another_origin_is_refused(public, ask, origin):
    response = ask(public, "POST", "/api/upscale", {"origin": origin})
    assert response.status == 403


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_read_of_another_origin_is_refused(guarded, ask, method, origin):
    """The browser of a visitor would send the password."""
    headers = {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "origin": origin}
    assert ask(guarded, method, "/config", headers).status == 403
    assert ask(guarded, method, "/config", headers | {"origin": OWN}).status == 200


@pytest.mark.parametrize("headers", [{}, {"origin": "http://127.0.0.1:7860"}])
def test_same_origin_and_missing_origin_are_accepted(control, ask, headers):
    assert ask(control, "POST", "/api/upscale", headers).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(control, ask, method):
    response = ask(control, method, "/")
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("path", ["/api/upscale", "/api/generate"])
def test_job_paths_only_allow_post(control, ask, method, path):
    """The inner app would respond with status 404."""
    response = ask(control, method, path)
    assert (response.status, response.headers["allow"]) == (405, "POST")
    expected = {"code": "E_METHOD", "message": "This path only allows POST."}
    assert json.loads(response.body) == expected


def test_password_that_is_not_utf_8(ask, monkeypatch):
    """As the command line provides them with surrogate escapes."""
    monkeypatch.setattr(access_control_module, "WRONG_PASSWORD_DELAY_SECONDS", 0)
    control = AccessControl(
        inside, ServerSettings(auth=("me", b"\xff".decode(errors="surrogateescape")))
    )
    right = {"authorization": "Basic " + base64.b64encode(b"me:\xff").decode()}
    assert ask(control, headers=right).status == 200
    assert ask(control, headers=basic("me:x")).status == 401


def test_response_to_a_wrong_password_is_delayed(guarded, ask, monkeypatch):
    waited = []

    async def sleep(seconds, sleep=asyncio.sleep):
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert ask(guarded).status == 401  # the first request of a browser has none
    assert ask(guarded, headers=basic("Aladdin:open sesame")).status == 200
    assert 1.0 not in waited
    assert ask(guarded, headers=basic("Aladdin:sesame")).status == 401
    assert 1.0 in waited


@pytest.mark.parametrize(
    "host", ["[::1]evil", "[::1]:7860evil", "[::1].evil:80", "localhost:80@evil", "a b", "[evil]"]
)
def test_a_malformed_host_is_refused(control, public, ask, host):
    assert ask(control, headers={"host": host}).status == 421
    assert ask(public, headers={"host": host}).status == 400


@pytest.mark.parametrize("host", ["[::1]", "[::1]:7860", "localhost:80", "LOCALHOST"])
def test_a_well_formed_host_of_this_machine_is_accepted(control, ask, host):
    assert ask(control, headers={"host": host}).status == 200
