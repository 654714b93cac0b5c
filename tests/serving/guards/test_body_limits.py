import asyncio
import dataclasses
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from srgan_gp.serving.guards import body_limits
from srgan_gp.serving.guards.body_limits import (
    FORMS_AT_ONCE,
    MOST_BYTES_OF_FIELDS,
    MOST_BYTES_OF_TEXT,
    BodyLimits,
)
from srgan_gp.serving.guards.multipart_limits import MOST_FIELDS
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
    """Answers with the body it got."""

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
    monkeypatch.setattr(body_limits, "_DISCARD_SECONDS", 0.01)
    return BodyLimits(echo, dataclasses.replace(SETTINGS, folder=tmp_path), Path("/uploads"))


def pieces_of(data, size=65536):
    return [data[start : start + size] for start in range(0, len(data), size)]


def refused(answer, status, code):
    assert answer.status == status, answer.body
    problem = json.loads(answer.body)
    assert problem["code"] == code
    assert problem["message"].endswith(".")
    assert answer.headers["connection"] == "close"
    return True


@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 65537, 1_500_000])
def test_a_body_reaches_the_app_byte_by_byte_and_then_the_client_leaves(
    limited, echo, ask, rng, length
):
    body = form(rng.bytes(length))
    answer = ask(limited, "POST", "/upload", FORM, pieces_of(body, 10_007))
    assert answer.status == 200
    assert echo.bodies == [answer.body] == [body]


def test_a_request_without_a_body_passes(limited, echo, ask):
    assert ask(limited, "GET", "/").status == 200
    assert echo.bodies == [b""]


def test_a_stated_length_above_the_limit_is_refused_before_anything_is_read(limited, echo, ask):
    headers = FORM | {"content-length": "2000001"}
    assert refused(ask(limited, "POST", "/upload", headers, [b""]), 413, "E_TOO_LARGE")
    assert echo.bodies == []


def test_an_endless_body_is_refused_at_the_limit(limited, echo, ask):
    """No length is stated, as in a chunked request."""
    body = form(bytes(3_000_000))
    assert refused(ask(limited, "POST", "/upload", FORM, pieces_of(body)), 413, "E_TOO_LARGE")
    assert echo.bodies == []


def test_a_lying_length_does_not_help(limited, ask):
    headers = FORM | {"content-length": "10"}
    answer = ask(limited, "POST", "/upload", headers, pieces_of(form(bytes(3_000_000))))
    assert refused(answer, 413, "E_TOO_LARGE")


@pytest.mark.parametrize("kind", [{}, {"content-type": "application/json"}])
def test_what_is_no_form_has_a_smaller_limit(limited, ask, kind):
    body = b'"' + b"x" * (MOST_BYTES_OF_TEXT - 2) + b'"'
    assert ask(limited, "POST", "/gradio_api/queue/join", kind, pieces_of(body)).status == 200
    answer = ask(limited, "POST", "/gradio_api/queue/join", kind, pieces_of(body + b" "))
    assert refused(answer, 413, "E_TOO_LARGE")


def test_a_form_without_files_is_small(limited, echo, ask):
    """It is read as a whole, while nobody else is served."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    body = b"&" * MOST_BYTES_OF_FIELDS
    assert ask(limited, "POST", "/api/generate", kind, [body]).status == 200
    answer = ask(limited, "POST", "/api/generate", kind, [body + b"&"])
    assert refused(answer, 413, "E_TOO_LARGE")
    assert echo.bodies == [body]


def test_the_number_of_fields_is_limited(limited, echo, ask):
    """Each costs time to read, and a form has room for a million of them."""
    part = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body = part * MOST_FIELDS + b"--xyz--\r\n"
    assert ask(limited, "POST", "/api/upscale", FORM, pieces_of(body, 999)).status == 200
    answer = ask(limited, "POST", "/api/upscale", FORM, pieces_of(part + body, 999))
    assert refused(answer, 413, "E_TOO_MANY_FIELDS")
    assert echo.bodies == [body]


@pytest.mark.parametrize("charset", ["punycode", "undefined", "utf-16", "a%00", '"\0"'])
def test_no_codec_of_the_clients_choice_is_run(limited, echo, ask, charset):
    """Some take minutes for a megabyte, on the thread that serves everybody."""
    headers = {"content-type": f"multipart/form-data; charset={charset}; boundary=xyz"}
    assert refused(ask(limited, "POST", "/upload", headers, [form(b"a")]), 400, "E_USAGE")
    headers = {"content-type": "multipart/form-data; charset=UTF-8; boundary=xyz"}
    assert ask(limited, "POST", "/upload", headers, [form(b"a")]).status == 200


def test_the_number_of_files_is_limited(limited, echo, ask):
    three, four = form(b"a", b"b", b"c"), form(b"a", b"b", b"c", b"d")
    assert ask(limited, "POST", "/upload", FORM, pieces_of(three, 7)).status == 200
    answer = ask(limited, "POST", "/upload", FORM, pieces_of(four, 7))
    assert refused(answer, 413, "E_TOO_MANY_FILES")
    assert echo.bodies == [three]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "multipart/form-data"}, form(b"a")),
        ({"content-type": "multipart/form-data; boundary="}, form(b"a")),
        ({"content-type": f"multipart/form-data; boundary={'x' * 257}"}, form(b"a")),
        (FORM, b"this is no form"),
    ],
)
def test_a_malformed_form_is_refused(limited, ask, headers, body):
    assert refused(ask(limited, "POST", "/upload", headers, [body]), 400, "E_USAGE")


def test_a_client_that_goes_away_leaves_nothing(limited, echo, ask, tmp_path):
    pieces = [*pieces_of(form(bytes(1_500_000)))[:-1], None]
    assert ask(limited, "POST", "/upload", FORM, pieces).status is None
    assert echo.bodies == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "status"), [("/api/upscale", 503), ("/api/generate", 503), ("/upload", 200)]
)
def test_a_job_that_would_not_be_taken_is_refused_before_it_is_read(echo, ask, path, status):
    limited = BodyLimits(echo, SETTINGS, why_not_ready=lambda: "the queue is full")
    answer = ask(limited, "POST", path, FORM, [form(b"a")])
    assert answer.status == status
    if status == 503:
        assert refused(answer, 503, "E_BUSY")
        assert int(answer.headers["retry-after"]) > 0
        assert echo.bodies == []


def test_a_slow_client_is_cut_off(limited, ask, monkeypatch):
    monkeypatch.setattr(body_limits, "PATIENCE_SECONDS", 0.01)
    answer = ask(limited, "POST", "/upload", FORM, [], then="wait")
    assert refused(answer, 408, "E_TOO_SLOW")


def test_a_full_disk_is_said(echo, ask, tmp_path):
    gone = dataclasses.replace(SETTINGS, folder=tmp_path / "gone")  # nothing can be written there
    limited = BodyLimits(echo, gone)
    answer = ask(limited, "POST", "/upload", FORM, pieces_of(form(bytes(1_500_000))))
    assert refused(answer, 507, "E_OUTPUT")


def test_an_upload_of_the_page_has_room_before_it_is_taken_in(echo, ask, tmp_path, monkeypatch):
    """The page's framework would end in a 500 and leave half a file."""
    limited = BodyLimits(echo, SETTINGS, tmp_path)
    assert ask(limited, "POST", "/upload", FORM, [form(b"a")]).status == 200
    monkeypatch.setattr(
        body_limits.shutil, "disk_usage", lambda folder: SimpleNamespace(free=3_999_999)
    )
    assert refused(ask(limited, "POST", "/upload", FORM, [form(b"a")]), 507, "E_OUTPUT")
    assert len(echo.bodies) == 1
    assert ask(limited, "GET", "/").status == 200


def test_bodies_of_all_clients_together_are_limited(request_of):
    """Eight of the largest may lie here at once; what is over makes room again."""
    waiting, arrived = asyncio.Event(), []

    async def slow(scope, receive, send):
        await read_all(receive)
        await receive()  # as an app does that wants to know when the client leaves
        arrived.append(scope)
        await waiting.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run():
        limited = BodyLimits(slow, SETTINGS)
        body = form(bytes(1_999_000))
        first = [
            asyncio.create_task(request_of(limited, "POST", "/upload", FORM, pieces_of(body)))
            for _ in range(8)
        ]
        while len(arrived) < 8:
            await asyncio.sleep(0.001)
        one_more = await request_of(limited, "POST", "/upload", FORM, pieces_of(body))
        waiting.set()
        later = await request_of(limited, "POST", "/upload", FORM, pieces_of(body))
        return [(await task).status for task in first], one_more, later.status

    first, one_more, later = asyncio.run(run())
    assert first == [200] * 8
    assert refused(one_more, 503, "E_BUSY")
    assert int(one_more.headers["retry-after"]) > 0
    assert later == 200


def test_a_few_forms_at_a_time_are_read_and_one_that_was_read_holds_up_nobody(request_of):
    """Else a crowd that uploads keeps the probes waiting until all of it has been served."""
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
        limited, count = BodyLimits(app, SETTINGS), 5 * FORMS_AT_ONCE
        send = partial(request_of, limited, "POST", "/api/upscale", FORM)
        tasks = [asyncio.create_task(send([form(b"a")])) for _ in range(count)]
        while len(working) < count:
            assert (await request_of(limited)).status == 200
        done.set()
        return [(await task).status for task in tasks]

    assert set(asyncio.run(run())) == {200}
    assert most == FORMS_AT_ONCE


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
def test_files_named_by_an_address_never_reach_the_page(limited, echo, ask, file):
    body = json.dumps({"data": [[1, {"nested": [file]}]], "fn_index": 0}).encode()
    answer = ask(limited, "POST", "/gradio_api/queue/join", {}, [body])
    assert refused(answer, 400, "E_USAGE")
    assert echo.bodies == []


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/uploads/0a/a: b.png", "url": None},
        {"path": "/uploads/a.png", "url": "http://127.0.0.1:7860/gradio_api/file=/tmp/a.png"},
    ],
    ids=str,
)
def test_uploaded_files_reach_the_page(limited, ask, file):
    body = json.dumps({"data": [file], "text": "see http://example.org"}).encode()
    assert ask(limited, "POST", "/gradio_api/queue/join", {}, [body]).status == 200


def test_a_request_names_no_more_files_than_can_be_looked_at(limited, echo, ask):
    """Each costs a few looks at the disk, and a megabyte has room for thousands."""
    for count, status in ((6, 200), (7, 413)):
        body = json.dumps({"data": [{"path": "/uploads/a.png"}] * count}).encode()
        answer = ask(limited, "POST", "/gradio_api/queue/join", {}, [body])
        assert answer.status == status
    assert refused(answer, 413, "E_TOO_MANY_FILES")
    deep = json.dumps({"path": "/uploads/" + "a/" * 1000}).encode()
    assert refused(ask(limited, "POST", "/gradio_api/queue/join", {}, [deep]), 400, "E_USAGE")


def test_deep_nesting_is_refused_and_nothing_breaks(limited, ask):
    body = b"[" * 500_000
    assert refused(ask(limited, "POST", "/gradio_api/queue/join", {}, [body]), 400, "E_USAGE")
