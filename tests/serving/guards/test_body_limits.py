import asyncio
import dataclasses
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from srgan_gp.serving.guards import body_limits, lingering_close
from srgan_gp.serving.guards.body_limits import (
    MAX_FORMS,
    MAX_TEXT_BYTES,
    MAX_URLENCODED_BYTES,
    BodyLimits,
)
from srgan_gp.serving.guards.multipart_limits import MAX_FIELDS
from srgan_gp.serving.server_settings import ServerSettings

FORM = {"content-type": "multipart/form-data; boundary=xyz"}
SETTINGS = ServerSettings(max_upload_bytes=2_000_000, max_files=3)


def form(*files):
    parts = (
        b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\n%s\r\n'
        % (number, data)
        for number, data in enumerate(files)
    )
    return b"".join(parts) + b"--xyz--\r\n"


async def read_all(receive):
    while (await receive())["more_body"]:
        pass


class Echo:
    """Responds with the request body."""

    def __init__(self):
        self.bodies = []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def limited(echo, tmp_path, monkeypatch):
    monkeypatch.setattr(lingering_close, "LINGER_SECONDS", 0.01)
    return BodyLimits(echo, dataclasses.replace(SETTINGS, folder=tmp_path), Path("/uploads"))


def chunks_of(data, size=65536):
    return [data[start : start + size] for start in range(0, len(data), size)]


def refused(response, status, code):
    assert response.status == status, response.body
    problem = json.loads(response.body)
    assert problem["code"] == code
    assert problem["message"].endswith(".")
    assert response.headers["connection"] == "close"
    return True


@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 65537, 1_500_000])
def test_body_is_forwarded_unchanged_followed_by_the_disconnect(limited, echo, ask, rng, length):
    body = form(rng.bytes(length))
    response = ask(limited, "POST", "/upload", FORM, chunks_of(body, 10_007))
    assert response.status == 200
    assert echo.bodies == [response.body] == [body]


def test_request_without_a_body_is_forwarded(limited, echo, ask):
    assert ask(limited, "GET", "/").status == 200
    assert echo.bodies == [b""]


def test_content_length_above_the_limit_is_refused_at_once(limited, echo, ask):
    headers = FORM | {"content-length": "2000001"}
    assert refused(ask(limited, "POST", "/upload", headers, [b""]), 413, "E_TOO_LARGE")
    assert echo.bodies == []


def test_chunked_body_is_refused_at_the_limit(limited, echo, ask):
    """The request has no Content-Length."""
    body = form(bytes(3_000_000))
    assert refused(ask(limited, "POST", "/upload", FORM, chunks_of(body)), 413, "E_TOO_LARGE")
    assert echo.bodies == []


def test_false_content_length_does_not_raise_the_limit(limited, ask):
    headers = FORM | {"content-length": "10"}
    response = ask(limited, "POST", "/upload", headers, chunks_of(form(bytes(3_000_000))))
    assert refused(response, 413, "E_TOO_LARGE")


@pytest.mark.parametrize("kind", [{}, {"content-type": "application/json"}])
def test_body_that_is_not_a_form_has_a_smaller_limit(limited, ask, kind):
    body = b'"' + b"x" * (MAX_TEXT_BYTES - 2) + b'"'
    assert ask(limited, "POST", "/gradio_api/queue/join", kind, chunks_of(body)).status == 200
    response = ask(limited, "POST", "/gradio_api/queue/join", kind, chunks_of(body + b" "))
    assert refused(response, 413, "E_TOO_LARGE")


def test_urlencoded_form_has_the_smallest_limit(limited, echo, ask):
    """It is parsed as a whole, which blocks the event loop."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    body = b"&" * MAX_URLENCODED_BYTES
    assert ask(limited, "POST", "/api/generate", kind, [body]).status == 200
    response = ask(limited, "POST", "/api/generate", kind, [body + b"&"])
    assert refused(response, 413, "E_TOO_LARGE")
    assert echo.bodies == [body]


def test_number_of_fields_is_limited(limited, echo, ask):
    """Each takes time to parse, and a form could have a million."""
    part = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body = part * MAX_FIELDS + b"--xyz--\r\n"
    assert ask(limited, "POST", "/api/upscale", FORM, chunks_of(body, 999)).status == 200
    response = ask(limited, "POST", "/api/upscale", FORM, chunks_of(part + body, 999))
    assert refused(response, 413, "E_TOO_MANY_FIELDS")
    assert echo.bodies == [body]


@pytest.mark.parametrize("charset", ["punycode", "undefined", "utf-16", "a%00", '"\0"'])
def test_charsets_other_than_utf_8_are_refused(limited, echo, ask, charset):
    """Some codecs take minutes for a megabyte, and would block the event loop."""
    headers = {"content-type": f"multipart/form-data; charset={charset}; boundary=xyz"}
    assert refused(ask(limited, "POST", "/upload", headers, [form(b"a")]), 400, "E_USAGE")
    headers = {"content-type": "multipart/form-data; charset=UTF-8; boundary=xyz"}
    assert ask(limited, "POST", "/upload", headers, [form(b"a")]).status == 200


def test_number_of_files_is_limited(limited, echo, ask):
    three, four = form(b"a", b"b", b"c"), form(b"a", b"b", b"c", b"d")
    assert ask(limited, "POST", "/upload", FORM, chunks_of(three, 7)).status == 200
    response = ask(limited, "POST", "/upload", FORM, chunks_of(four, 7))
    assert refused(response, 413, "E_TOO_MANY_FILES")
    assert echo.bodies == [three]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "multipart/form-data"}, form(b"a")),
        ({"content-type": "multipart/form-data; boundary="}, form(b"a")),
        ({"content-type": f"multipart/form-data; boundary={'x' * 257}"}, form(b"a")),
        (FORM, b"this is not a form"),
    ],
)
def test_malformed_form_is_refused(limited, ask, headers, body):
    assert refused(ask(limited, "POST", "/upload", headers, [body]), 400, "E_USAGE")


def test_disconnect_during_upload_leaves_no_file(limited, echo, ask, tmp_path):
    chunks = [*chunks_of(form(bytes(1_500_000)))[:-1], None]
    assert ask(limited, "POST", "/upload", FORM, chunks).status is None
    assert echo.bodies == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "status"), [("/api/upscale", 503), ("/api/generate", 503), ("/upload", 200)]
)
def test_job_is_refused_before_its_body_is_read_if_not_ready(echo, ask, path, status):
    limited = BodyLimits(echo, SETTINGS, not_ready_reason=lambda: "the queue is full")
    response = ask(limited, "POST", path, FORM, [form(b"a")])
    assert response.status == status
    if status == 503:
        assert refused(response, 503, "E_BUSY")
        assert int(response.headers["retry-after"]) > 0
        assert echo.bodies == []


def test_slow_upload_times_out(limited, ask, monkeypatch):
    monkeypatch.setattr(body_limits, "BODY_TIMEOUT_SECONDS", 0.01)
    response = ask(limited, "POST", "/upload", FORM, [], then="wait")
    assert refused(response, 408, "E_TOO_SLOW")


def test_an_upload_that_cannot_be_written_is_refused_with_the_reason(echo, ask, tmp_path):
    gone = dataclasses.replace(SETTINGS, folder=tmp_path / "gone")  # not writable
    limited = BodyLimits(echo, gone)
    response = ask(limited, "POST", "/upload", FORM, chunks_of(form(bytes(1_500_000))))
    assert refused(response, 507, "E_OUTPUT")
    assert b"A folder of the server was removed" in response.body


def test_disk_space_is_checked_before_an_upload_is_received(echo, ask, tmp_path, monkeypatch):
    """Gradio would respond with status 500 and leave a partial file."""
    limited = BodyLimits(echo, SETTINGS, tmp_path)
    assert ask(limited, "POST", "/upload", FORM, [form(b"a")]).status == 200
    monkeypatch.setattr(
        body_limits.shutil, "disk_usage", lambda folder: SimpleNamespace(free=3_999_999)
    )
    assert refused(ask(limited, "POST", "/upload", FORM, [form(b"a")]), 507, "E_OUTPUT")
    assert len(echo.bodies) == 1
    assert ask(limited, "GET", "/").status == 200


def test_total_size_of_buffered_bodies_is_limited(request_of):
    """Eight bodies of maximum size fit; a finished one frees its share."""
    waiting, arrived = asyncio.Event(), []

    async def slow(scope, receive, send):
        await read_all(receive)
        await receive()  # as an app does to detect a disconnect
        arrived.append(scope)
        await waiting.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run():
        limited = BodyLimits(slow, SETTINGS)
        body = form(bytes(1_999_000))
        first = [
            asyncio.create_task(request_of(limited, "POST", "/upload", FORM, chunks_of(body)))
            for _ in range(8)
        ]
        while len(arrived) < 8:
            await asyncio.sleep(0.001)
        one_more = await request_of(limited, "POST", "/upload", FORM, chunks_of(body))
        waiting.set()
        later = await request_of(limited, "POST", "/upload", FORM, chunks_of(body))
        return [(await task).status for task in first], one_more, later.status

    first, one_more, later = asyncio.run(run())
    assert first == [200] * 8
    assert refused(one_more, 503, "E_BUSY")
    assert int(one_more.headers["retry-after"]) > 0
    assert later == 200


def test_number_of_concurrently_parsed_forms_is_limited(request_of):
    """Otherwise many uploads would delay the health checks."""
    reading, most, working = 0, 0, []
    done = asyncio.Event()

    async def app(scope, receive, send):
        nonlocal reading, most
        if scope["method"] == "POST":
            reading += 1
            most = max(most, reading)
            await read_all(receive)
            await asyncio.sleep(0.001)
            reading -= 1
            await receive()
            working.append(scope)
            await done.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run():
        limited, count = BodyLimits(app, SETTINGS), 5 * MAX_FORMS
        send = partial(request_of, limited, "POST", "/api/upscale", FORM)
        tasks = [asyncio.create_task(send([form(b"a")])) for _ in range(count)]
        while len(working) < count:
            assert (await request_of(limited)).status == 200
        done.set()
        return [(await task).status for task in tasks]

    assert set(asyncio.run(run())) == {200}
    assert most == MAX_FORMS


@pytest.mark.parametrize(
    "file",
    [
        {"path": "http://169.254.169.254/latest"},
        {"path": "HTTPS://example.org/a.png"},
        {"path": "  ftp://example.org/a.png"},
        {"path": "//example.org/a.png"},
        {"path": "http%3A%2F%2Fexample.org"},
        {"path": "/etc/passwd"},
        {"path": "/uploads/../etc/passwd"},
        {"path": "/uploads2/a"},
        {"path": "passwd"},
        {"path": ""},
        {"path": "/uploads/\0"},
        {"path": "/uploads/a.png", "url": "data:image/png;base64,AAAA"},
        {"path": "/uploads/a.png", "url": "http://example.org/a.png"},
        {"path": "/uploads/a.png", "url": "http://127.0.0.1:7860/gradio_api/proxy=http://a"},
        {"path": "/uploads/a.png", "url": "http://["},
        {"path": "/uploads/a.png", "url": "http://127.0.0.1:1/gradio_api/file=/tmp/a.png"},
    ],
    ids=str,
)
def test_references_to_other_files_are_refused(limited, echo, ask, file):
    body = json.dumps({"data": [[1, {"nested": [file]}]], "fn_index": 0}).encode()
    response = ask(limited, "POST", "/gradio_api/queue/join", {}, [body])
    assert refused(response, 400, "E_USAGE")
    assert echo.bodies == []


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/uploads/0a/a: b.png", "url": None},
        {"path": "/uploads/a.png", "url": "http://127.0.0.1:7860/gradio_api/file=/tmp/a.png"},
    ],
    ids=str,
)
def test_references_to_uploaded_files_are_forwarded(limited, ask, file):
    body = json.dumps({"data": [file], "text": "see http://example.org"}).encode()
    assert ask(limited, "POST", "/gradio_api/queue/join", {}, [body]).status == 200


def test_number_and_length_of_file_references_are_limited(limited, echo, ask):
    """Each is resolved on the disk, and a megabyte could have thousands."""
    for count, status in ((6, 200), (7, 413)):
        body = json.dumps({"data": [{"path": "/uploads/a.png"}] * count}).encode()
        response = ask(limited, "POST", "/gradio_api/queue/join", {}, [body])
        assert response.status == status
    assert refused(response, 413, "E_TOO_MANY_FILES")
    deep = json.dumps({"path": "/uploads/" + "a/" * 1000}).encode()
    assert refused(ask(limited, "POST", "/gradio_api/queue/join", {}, [deep]), 400, "E_USAGE")


def test_deeply_nested_json_is_refused(limited, ask):
    body = b"[" * 500_000
    assert refused(ask(limited, "POST", "/gradio_api/queue/join", {}, [body]), 400, "E_USAGE")


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999"])
def test_numbers_that_are_not_finite_are_refused(limited, echo, ask, number):
    body = f'{{"data": [], "fn_index": {number}}}'.encode()
    assert refused(ask(limited, "POST", "/gradio_api/queue/join", {}, [body]), 400, "E_USAGE")
    assert echo.bodies == []
