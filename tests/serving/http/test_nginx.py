"""The server behind a real nginx, with the configuration of docs/guides/deploy."""

import asyncio
import json
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from srgan_gp.serving.http.server import _uvicorn_config
from srgan_gp.serving.server_settings import ServerSettings

pytestmark = pytest.mark.nginx
SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
CLIENTS = 100
MB = 1_000_000
SMALL_BODIES = {"client_max_body_size 52m;": "client_max_body_size 2m;"}


@pytest.fixture(scope="module")
def kit():
    """The modules of the benchmark, which run nginx."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        from benchmarks import client_images, http_client, nginx

        yield {"images": client_images, "http": http_client, "nginx": nginx}
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def metrics_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def gauge(metrics_port):
    """Return a value on the metrics page of the server."""

    def read(name):
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics") as page:
            lines = page.read().decode().splitlines()
        [line] = [line for line in lines if line.startswith(f"srgan_gp_{name} ")]
        return float(line.split()[1])

    return read


@pytest.fixture(scope="module")
def serve(kit, tmp_path_factory, onnx_models, metrics_port):
    """Run the app with `tiny`, which repeats each pixel 4 x 4 times."""
    models, folder = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("app")
    metadata = {"name": "tiny", "scale": "4", "overlap": "0"}
    tiny = onnx_models.with_metadata(onnx_models.repeating(), **metadata)
    (models / "tiny.onnx").write_bytes(tiny.SerializeToString())
    onnx_models.write_card(models / "tiny.onnx", scale=4)
    options = ["--public-name", "example.org", "--max-upload-mb", "1", "--queue-size", "150"]
    options += ["--metrics-port", str(metrics_port)]

    def run(port=0):
        return kit["nginx"].serve_app("tiny", 1, str(folder), options, port)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRGAN_GP_MODELS", str(models))
        yield run


@pytest.fixture(scope="module")
def server(serve):
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(kit, server, tmp_path_factory):
    with kit["nginx"].serve_nginx(
        server.port, tmp_path_factory.mktemp("nginx"), SMALL_BODIES
    ) as proxy:
        yield proxy


@pytest.fixture
def send(kit, proxy):
    """Send a request through nginx from the address of a client."""

    def run(head, body=b"", client=0):
        return asyncio.run(one(head, body, client))

    async def one(head, body=b"", client=0, host="example.org"):
        source = kit["http"].address_of(client)
        return await kit["http"].request(
            proxy.port, f"{head}\r\n", body, source, tls=proxy.tls, host=host
        )

    run.one = one
    return run


@pytest.fixture
def form(kit):
    """Return the head and the body of a form with an image."""

    def make(client, side=16, path="/api/upscale", headers=""):
        head, body = kit["http"].build_form(
            path, "picture", kit["images"].draw_client_image(client, side)
        )
        return f"{head}{headers}".removesuffix("\r\n"), body

    return make


def test_a_hundred_clients_get_their_own_images(kit, server, proxy):
    images = [kit["images"].draw_client_image(number, 32) for number in range(CLIENTS)]
    values = asyncio.run(kit["nginx"].send_all(server, proxy, images))
    assert values["results"] == CLIENTS
    assert values["wrong_owners"] == 0
    assert values["neither"] == 0
    assert values["files_left"] == 0


def test_the_metrics_count_what_passed_through_nginx(gauge, send, form):
    refused = 'refusals_total{status="422"}'
    assert gauge('jobs_total{kind="upscale",outcome="done"}') >= CLIENTS
    head, body = form(12)
    assert send(head, body.replace(b"PNG", b"GNP"), client=12).status == 422
    assert gauge(refused) >= 1
    assert gauge("ready") == 1


def test_clients_are_told_apart_and_cannot_pose_as_others(kit, server, send, form):
    owner, other = kit["http"].address_of(1), 2
    made = send(*form(1, path="/api/upscale?async=1"), client=1)
    assert made.status == 202, made.body
    path = json.loads(made.body)["urls"]["job"]
    assert send(f"GET {path} HTTP/1.1", client=1).status == 200
    assert send(f"GET {path} HTTP/1.1", client=other).status == 404
    claim = f"GET {path} HTTP/1.1\r\nX-Forwarded-For: {owner}"
    assert send(claim, client=other).status == 404

    def direct(source):
        request = kit["http"].request(server.port, f"{claim}\r\n", b"", source)
        return asyncio.run(request).status

    assert direct("127.0.0.9") == 404  # not the proxy
    assert direct("127.0.0.1") == 200  # as the proxy sends it


def test_a_client_above_its_limit_does_not_stop_others(kit, send, form):
    """Many requests of one address are refused by nginx; another address is still served."""

    async def both():
        flood = [send.one(*form(3, 8), client=3) for _ in range(40)]
        normal = send.one(*form(4), client=4)
        return await asyncio.gather(normal, *flood)

    normal, *flood = asyncio.run(both())
    assert normal.status == 200
    refused = [answer for answer in flood if answer.status == 429]
    assert len(refused) >= 10
    assert refused[0].headers["retry-after"] == "5"
    assert json.loads(refused[0].body)["code"] == "E_BUSY"


def test_opening_the_page_is_not_above_the_limit(send):
    async def many():
        return await asyncio.gather(
            *(send.one("GET /healthz HTTP/1.1", client=5) for _ in range(90))
        )

    assert {answer.status for answer in asyncio.run(many())} == {200}


@pytest.mark.parametrize(
    ("megabytes", "says"), [(1.5, "larger than 1 MB"), (3, "The upload is too large.")]
)
def test_uploads_above_a_limit_are_refused_with_a_reason(send, form, megabytes, says):
    """The first by the app, the second by nginx."""
    head, body = form(6)
    length = int(megabytes * MB)
    head = head.replace(f"Content-Length: {len(body)}", f"Content-Length: {length}")
    answer = send(head, body + bytes(length - len(body)), client=6)
    assert answer.status == 413
    problem = json.loads(answer.body)
    assert problem["code"] == "E_TOO_LARGE"
    assert says in problem["message"]


def test_an_upload_of_unknown_length_is_refused_at_the_limit(kit, proxy, form):
    head, body = form(7)
    head = head.replace(f"Content-Length: {len(body)}", "Transfer-Encoding: chunked")

    async def stream():
        source = kit["http"].address_of(7)
        reader, writer = await kit["http"].connect(
            proxy.port, source, tls=proxy.tls, host="example.org"
        )
        writer.write(f"{head}\r\nHost: example.org\r\n\r\n".encode())
        writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        answering = asyncio.ensure_future(reader.read(16))
        sent = 0
        while not answering.done() and sent < 20 * MB:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await asyncio.wait([answering], timeout=0.005)
            sent += 0x10000
        answer = await answering
        await kit["http"].close(writer)
        return answer, sent

    answer, sent = asyncio.run(stream())
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 20 * MB


def test_events_pass_before_the_stream_ends(kit, proxy):
    """The heartbeat of the page never ends by itself, so a buffered one would not arrive."""

    async def first_event():
        reader, writer = await kit["http"].connect(
            proxy.port, "127.0.0.1", tls=proxy.tls, host="example.org"
        )
        writer.write(
            b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: example.org\r\n"
            b"Accept: text/event-stream\r\n\r\n"
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        event = await asyncio.wait_for(reader.readuntil(b"ALIVE"), 30)
        is_open = not reader.at_eof()
        await kit["http"].close(writer)
        return head, event, is_open

    head, event, is_open = asyncio.run(first_event())
    assert b"text/event-stream" in head
    assert b"ALIVE" in event
    assert is_open


def test_without_its_line_on_buffering_nginx_would_hold_events_back(kit, tmp_path):
    """So the tests of events can fail."""

    async def run():
        is_over = asyncio.Event()

        async def serve(reader, writer):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nALIVE")
            await writer.drain()
            if b"/events" in request:
                await is_over.wait()
            await kit["http"].close(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        change = {"    proxy_buffering off;\n": ""}
        with kit["nginx"].serve_nginx(port, tmp_path, change) as proxy:
            named = {"tls": proxy.tls, "host": "example.org"}
            reader, writer = await kit["http"].connect(proxy.port, "127.0.0.1", **named)
            writer.write(b"GET /events HTTP/1.1\r\nHost: example.org\r\n\r\n")
            event = asyncio.ensure_future(reader.readuntil(b"ALIVE"))
            other = await kit["http"].request(
                proxy.port, "GET / HTTP/1.1\r\n", b"", "127.0.0.1", **named
            )
            assert b"ALIVE" in other.body
            assert not event.done()
            is_over.set()
            await asyncio.wait_for(event, 60)
            await kit["http"].close(writer)
        server.close()
        await server.wait_closed()

    asyncio.run(run())


def test_the_progress_of_a_job_arrives_while_it_is_in_progress(kit, proxy, send, form):
    async def follow():
        jobs = [await send.one(*form(8, 250, "/api/upscale?async=1"), client=8) for _ in range(6)]
        urls = json.loads(jobs[-1].body)["urls"]
        reader, writer = await kit["http"].connect(
            proxy.port, kit["http"].address_of(8), tls=proxy.tls, host="example.org"
        )
        writer.write(f"GET {urls['events']} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        states = []
        while not states or states[-1] not in ("done", "failed"):
            line = await asyncio.wait_for(reader.readline(), 60)
            if line.startswith(b"data: "):
                states.append(json.loads(line[6:])["state"])
        await kit["http"].close(writer)
        return states

    states = asyncio.run(follow())
    assert states[0] != "done"
    assert states[-1] == "done"


def test_http_is_redirected_and_other_names_are_refused(kit, proxy, send):
    plain = asyncio.run(
        kit["http"].request(
            proxy.http_port, "GET /x HTTP/1.1\r\n", b"", "127.0.0.1", host="example.org"
        )
    )
    assert plain.status == 301
    assert plain.headers["location"] == "https://example.org/x"
    page = send("GET / HTTP/1.1", client=9)
    assert page.status == 200
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert page.headers["server"] == "nginx"
    assert page.headers["set-cookie"].endswith("; secure")
    head = "GET / HTTP/1.1\r\nX-Forwarded-Host: example.org"

    async def other_name():
        reader, writer = await kit["http"].connect(
            proxy.port, "127.0.0.1", tls=proxy.tls, host="example.org"
        )
        writer.write(f"{head}\r\nHost: other.example\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        await kit["http"].close(writer)
        return answer.split()[1]

    assert asyncio.run(other_name()) == b"421"


def test_a_restart_finishes_the_running_job_and_needs_nothing_of_nginx(
    server, serve, send, form, gauge
):
    """The last test of this server, which it stops."""

    async def stop_with_a_job():
        for _ in range(4):
            await send.one(*form(10, 250, "/api/upscale?async=1"), client=10)
        running = asyncio.ensure_future(send.one(*form(10, 250), client=10))
        while gauge("queued_jobs") + gauge("running_jobs") < 5 and not running.done():
            await asyncio.sleep(0.002)
        server.process.send_signal(signal.SIGTERM)
        return await running

    assert asyncio.run(stop_with_a_job()).status == 200
    assert server.process.wait(60) == 0
    between = send("GET /api/models HTTP/1.1")
    assert between.status == 503
    assert between.headers["retry-after"] == "10"
    assert json.loads(between.body)["code"] == "E_BUSY"
    with serve(server.port):
        assert send("GET /api/models HTTP/1.1").status == 200
        assert send(*form(11)).status == 200


@pytest.mark.parametrize(
    ("proxies", "peer", "client"),
    [
        (("127.0.0.1",), "127.0.0.1", "192.0.2.7"),
        (("127.0.0.1",), "127.0.0.2", "127.0.0.2"),
        ((), "127.0.0.1", "127.0.0.1"),
        (("10.0.0.0/8",), "10.1.2.3", "192.0.2.7"),
        (("10.0.0.0/8",), "127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_header_is_believed_from_named_proxies_only(proxies, peer, client, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["client"][0])

    config = _uvicorn_config(app, ServerSettings(trusted_proxies=proxies))
    config.load()
    headers = [(b"x-forwarded-for", b"198.51.100.1, 192.0.2.7")]
    scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    asyncio.run(config.loaded_app(scope, None, None))
    assert seen == [client]
