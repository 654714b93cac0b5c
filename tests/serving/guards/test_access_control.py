import asyncio
import base64
import json

import pytest

from srgan_gp.serving.guards import access_control as gate_module
from srgan_gp.serving.guards.access_control import UNGUARDED, AccessControl
from srgan_gp.serving.server_settings import ServerSettings

OWN = "http://127.0.0.1:7860"


async def inside(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


@pytest.fixture
def gate():
    return AccessControl(inside, ServerSettings())


@pytest.fixture
def public():
    return AccessControl(inside, ServerSettings(host="0.0.0.0"))


@pytest.fixture
def guarded():
    return AccessControl(inside, ServerSettings(auth=("Aladdin", "open sesame")))


def basic(text):
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_the_password_of_the_standard_opens(guarded, ask):
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
def test_without_the_password_every_path_is_shut(guarded, ask, headers, path, monkeypatch):
    monkeypatch.setattr(gate_module, "WRONG_PASSWORD_SECONDS", 0)
    answer = ask(guarded, path=path, headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert b"sesame" not in answer.body


@pytest.mark.parametrize("path", UNGUARDED)
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
def test_closed_paths_are_not_there(gate, ask, path):
    answer = ask(gate, path=path)
    assert answer.status == 404
    assert json.loads(answer.body)["code"] == "E_NOT_FOUND"


@pytest.mark.parametrize("path", ["/", "/healthz", "/assets/a-1.js", "/gradio_api/file=/tmp/a b"])
def test_open_paths_are_answered(gate, ask, path):
    assert ask(gate, path=path).body == b"inside"


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860"])
def test_a_local_server_answers_to_local_names(gate, ask, host):
    assert ask(gate, headers={"host": host}).status == 200


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "192.168.0.1:7860", ""])
def test_a_local_server_answers_to_no_other_name(gate, public, ask, host):
    """A page elsewhere can give its own name this machine's address."""
    assert ask(gate, headers={"host": host}).status == 421
    assert ask(public, headers={"host": host}).status == 200


def test_a_reverse_proxy_may_show_the_server_under_one_name(ask):
    gate = AccessControl(inside, ServerSettings(public_name="Example.org"))
    for host in ("example.org", "127.0.0.1:7860"):
        headers = {"host": host, "origin": "https://example.org"}
        assert ask(gate, "POST", "/api/upscale", headers).status == 200
        assert ask(gate, "POST", "/api/upscale", headers | {"origin": "http://a"}).status == 403
    assert ask(gate, headers={"host": "other.example.org"}).status == 421


@pytest.mark.parametrize("text", ["[", "[::1", "http://[", "http://a:b:c"])
def test_odd_hosts_and_origins_are_refused(gate, ask, text):
    assert ask(gate, headers={"host": text}).status == 421
    assert ask(gate, "POST", "/api/upscale", {"origin": text}).status == 403


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null", ""])
def test_a_page_elsewhere_can_send_nothing(public, ask, origin):
    answer = ask(public, "POST", "/api/upscale", {"origin": origin})
    assert answer.status == 403


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_elsewhere_can_read_nothing(guarded, ask, method, origin):
    """The browser of a visitor would bring the password along."""
    headers = {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "origin": origin}
    assert ask(guarded, method, "/config", headers).status == 403
    assert ask(guarded, method, "/config", headers | {"origin": OWN}).status == 200


@pytest.mark.parametrize("headers", [{}, {"origin": "http://127.0.0.1:7860"}])
def test_our_own_page_and_programs_can_send(gate, ask, headers):
    assert ask(gate, "POST", "/api/upscale", headers).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(gate, ask, method):
    answer = ask(gate, method, "/")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("path", ["/api/upscale", "/api/generate"])
def test_an_order_is_posted(gate, ask, method, path):
    """The page behind would say that there is nothing."""
    answer = ask(gate, method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    expected = {"code": "E_METHOD", "message": "This address takes POST alone."}
    assert json.loads(answer.body) == expected


def test_a_password_of_any_bytes_opens(ask, monkeypatch):
    """Such as the command line gives them where they are no UTF-8."""
    monkeypatch.setattr(gate_module, "WRONG_PASSWORD_SECONDS", 0)
    gate = AccessControl(
        inside, ServerSettings(auth=("me", b"\xff".decode(errors="surrogateescape")))
    )
    right = {"authorization": "Basic " + base64.b64encode(b"me:\xff").decode()}
    assert ask(gate, headers=right).status == 200
    assert ask(gate, headers=basic("me:x")).status == 401


def test_whoever_tries_a_password_waits_for_the_answer(guarded, ask, monkeypatch):
    waited = []

    async def sleep(seconds, sleep=asyncio.sleep):
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert ask(guarded).status == 401  # the first request of a browser brings none
    assert ask(guarded, headers=basic("Aladdin:open sesame")).status == 200
    assert 1.0 not in waited
    assert ask(guarded, headers=basic("Aladdin:sesame")).status == 401
    assert 1.0 in waited
