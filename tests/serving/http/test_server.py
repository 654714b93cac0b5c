"""Tests of the server with a Gradio page: routes, uploads, and access to files."""

import asyncio
import os
import random
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from starlette.testclient import TestClient

from srgan_gp.serving.guards.access_control import ALLOWED_PATHS, allowed_methods
from srgan_gp.serving.http.gradio_page import blocked_paths, mount_page, page_file
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.server_settings import ServerSettings

OWN = "http://127.0.0.1:7860/"
CANARY = b"a canary that must not be served"
GOLDEN = Path(__file__).parent / "golden_routes.txt"
SETTINGS = ServerSettings(max_upload_bytes=100_000, max_files=4)

connections = []


def record_connections(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        connections.append((event, arguments))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Create the directory of the server, with canary files that must not be served."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "run" / "of-another-client").mkdir(parents=True)
    (folder / "cwd").mkdir()
    for name in ("canary", "run/canary", "run/of-another-client/canary", "cwd/canary", "cwd/.env"):
        (folder / name).write_bytes(CANARY)
    return folder


@pytest.fixture(scope="module")
def app(folder):
    """Return the app with a Gradio page, without guards."""
    sys.addaudithook(record_connections)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "cwd")
        patch.setattr(tempfile, "tempdir", tempfile.tempdir)
        patch.setattr(os, "environ", os.environ.copy())
        # Without a running loop Gradio would create one that is never closed.
        yield asyncio.run(build(folder / "run" / "page"))
        sys.modules.pop("tiny_page", None)


async def build(uploads):
    app = build_app(None)
    mount_page(app, None, SETTINGS, uploads, Path(__file__).with_name("tiny_page.py"))
    return app


@pytest.fixture(scope="module")
def guarded(app, folder):
    return guard(app, SETTINGS, folder / "run" / "page")[0]


@pytest.fixture(scope="module")
def client(guarded):
    with TestClient(guarded, base_url="http://127.0.0.1:7860") as client:
        yield client


def routes_of(routes):
    for route in routes:
        inner = getattr(route, "original_router", route)
        if getattr(inner, "routes", None) is not None:
            yield from routes_of(inner.routes)
        else:
            yield from ((method, route.path) for method in route.methods)


def sample(path):
    """Replace the parameters that an allowed path restricts."""
    values = {"id": "0" * 32, "layer": "after", "level": "0", "column": "0", "row": "0"}
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value) if "/api/jobs/" in path else path
    return path


def test_routes_equal_the_reviewed_list(app):
    """A route that a new version of Gradio adds must be reviewed first."""
    lines = []
    for method, path in sorted(set(routes_of(app.routes)), key=lambda route: route[::-1]):
        example = re.sub(r"\{[^}]*\}", "x", sample(path))
        is_open = any(re.fullmatch(pattern, example) for pattern in ALLOWED_PATHS)
        lines.append(f"{'open' if is_open else 'closed'} {method} {path}")
    assert lines == GOLDEN.read_text().splitlines()


def test_methods_of_the_api_are_those_of_its_routes(app):
    methods = {}
    for method, path in routes_of(app.routes):
        if path.startswith("/api/") and path != "/api/{path:path}":
            methods.setdefault(re.sub(r"\{[^}]*\}", "x", sample(path)), set()).add(method)
    assert len(methods) > 10
    assert {path: set(allowed_methods(path)) for path in methods} == methods


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/api/jobs/{'0' * 32}/cancel", 405, "E_METHOD"),
        ("POST", "/api/models", 405, "E_METHOD"),
        ("POST", "/api/docs", 405, "E_METHOD"),
        ("DELETE", "/api/nothing", 404, "E_NOT_FOUND"),
        ("GET", "/api", 404, "E_NOT_FOUND"),
        ("GET", "/api/models/photos/files", 404, "E_NOT_FOUND"),
    ],
)
def test_errors_of_the_api_have_a_code(client, method, path, status, code):
    response = client.request(method, path)
    assert response.status_code == status
    assert response.json()["code"] == code
    if status == 404:
        assert response.json()["message"].endswith("/api/docs lists the paths of the API.")


def test_head_is_only_taken_where_it_is_documented(client):
    response = client.head("/api/models")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert client.head("/api/openapi.json").status_code == 200


def test_page_is_served_with_hashes_of_its_scripts(client):
    response = client.get("/", headers={"accept": "text/html"})
    assert response.status_code == 200
    assert "tiny" in response.text
    inline = [
        text for text in re.findall(r"<script[^>]*>(.*?)</script>", response.text, re.S) if text
    ]
    assert response.headers["content-security-policy"].count("'sha256-") == len(inline) > 0


def test_upload_can_be_fetched_but_is_sandboxed(client, folder):
    page = b"<script>alert(1)</script>"
    for name in ("a.html", "a.svg", "<img src=x onerror=alert(1)>.png"):
        [path] = client.post("/gradio_api/upload", files={"files": (name, page)}).json()
        assert Path(path).is_relative_to(folder / "run" / "page")
        response = client.get(f"/gradio_api/file={quote(path)}")
        assert response.content == page
        assert response.headers["content-security-policy"].endswith("sandbox")
        assert response.headers["x-content-type-options"] == "nosniff"
        if not name.endswith(".png"):
            assert response.headers["content-disposition"].startswith("attachment")


def test_refused_uploads_leave_no_files(client, folder):
    before = sorted(folder.rglob("*"))
    too_large = {"files": ("a.png", bytes(100_001))}
    response = client.post("/gradio_api/upload", files=too_large)
    assert response.status_code == 413
    # The page displays this text.
    assert response.text.startswith("The upload is larger than 0.1 MB")
    too_many = [("files", (f"{number}.png", b"x")) for number in range(5)]
    assert client.post("/gradio_api/upload", files=too_many).status_code == 413
    assert sorted(folder.rglob("*")) == before


def predict(client, path):
    """Send a file path to the page, as its scripts do after an upload."""
    file = {"path": path, "url": None, "meta": {"_type": "gradio.FileData"}}
    body = {"data": [file], "fn_index": 0, "session_hash": "x"}
    return client.post("/gradio_api/run/predict", json=body)


def test_page_accepts_uploaded_files_only(client, app, folder):
    [path] = client.post("/gradio_api/upload", files={"files": ("a.png", b"mine")}).json()
    assert predict(client, path).json()["data"] == [path]
    outside = [str(folder / "canary"), str(folder / "run" / "of-another-client" / "canary")]
    outside += [f"{Path(path).parent}/../../../canary", "canary", "/etc/passwd"]
    # Gradio refuses them too.
    unguarded = TestClient(app, raise_server_exceptions=False)
    for name in outside:
        response = predict(client, name)
        assert (response.status_code, response.json()["code"]) == (400, "E_USAGE"), name
        assert predict(unguarded, name).status_code >= 400, name


@pytest.mark.parametrize("endpoint", ["run/predict", "queue/join"])
@pytest.mark.parametrize("number", [-1, 9999, 10**30])
def test_unknown_function_of_the_page_is_404(client, endpoint, number):
    """Gradio itself would respond with status 500 and log a traceback."""
    body = {"data": [], "fn_index": number, "session_hash": "visitor"}
    response = client.post(f"/gradio_api/{endpoint}", json=body)
    assert (response.status_code, response.json().get("code")) == (404, "E_NOT_FOUND"), (
        response.text
    )


@pytest.mark.parametrize("endpoint", ["run/predict", "queue/join"])
@pytest.mark.parametrize(
    "body",
    ["[]", "7", "null", "{}", '{"data": 7}', '{"data": [], "fn_index": Infinity}',
     '{"data": [], "fn_index": 1e999}', '{"data": [], "fn_index": "x", "session_hash": "v"}',
     '{"data": [], "fn_index": 0, "session_hash": {}}', "{", '{"data": [NaN], "fn_index": 0}',
     '{"data": [], "fn_index": null, "session_hash": "v"}'],
)  # fmt: skip
def test_malformed_messages_of_the_page_are_refused(client, caplog, endpoint, body):
    headers = {"content-type": "application/json"}
    response = client.post(f"/gradio_api/{endpoint}", content=body, headers=headers)
    assert 400 <= response.status_code < 500, response.text
    assert isinstance(response.json(), dict)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("path", ["http://192.0.2.1/a.png", "https://example.org/a", "//a/b"])
def test_remote_files_are_not_fetched(client, path):
    assert predict(client, path).status_code == 400
    assert client.get(f"/gradio_api/file={path}").status_code == 404


def hostile_paths(folder, count):
    """Return different encoded paths to the canaries."""
    rng = random.Random(0)
    places = ["canary", "run/canary", "run/of-another-client/canary", "cwd/canary", "cwd/.env"]
    targets = [str(folder / place) for place in places] + ["/etc/passwd", "/proc/self/environ"]
    prefixes = ["/gradio_api/file=", "/static/", "/assets/", "/svelte/", "/", "/pwa_icon/"]
    ups = ["../", "..%2f", "%2e%2e/", "..\\", "..%5c", "....//", "..;/", "%252e%252e%252f", "./"]
    inside = [str(folder / "run" / "page"), "", "x", "/", "file:", "file://", "C:", "~", "\\\\x"]
    endings = ["", "%00", "%00.png", "/", "/.", "?x", "#", ".png", "%20", "::$DATA"]
    found = set()
    while len(found) < count:
        target = rng.choice(targets)
        encode = rng.choice((str, quote, lambda text: quote(quote(text)), str.upper,
                               lambda text: text.replace("/", "\\"),
                               lambda text: text.replace("/", "%2f"),
                               lambda text: text.lstrip("/")))  # fmt: skip
        climb = rng.choice(ups) * rng.randrange(12)
        found.add(
            rng.choice(prefixes) + rng.choice(inside) + climb + encode(target) + rng.choice(endings)
        )
    return sorted(found)


def test_hostile_paths_return_no_file(guarded, request_of, folder):
    async def ask_all():
        for path in hostile_paths(folder, 1000):
            response = await request_of(guarded, path=unquote(path.partition("?")[0]))
            yield path, response

    async def run():
        return [pair async for pair in ask_all()]

    passwords = Path("/etc/passwd").read_bytes()
    for path, response in asyncio.run(run()):
        assert CANARY not in response.body, path
        assert passwords not in response.body, path
        assert response.status in (307, 400, 403, 404, 422), (path, response.status)
        assert response.headers.get("location", OWN).startswith(OWN), path


def test_no_network_connection_was_opened(client):
    """Covers all tests above, since the page was loaded."""
    client.get("/config")
    assert connections == []


def test_page_file_of_the_checkout():
    assert page_file() == Path(__file__).resolve().parents[3] / "apps" / "gradio_app.py"


def test_directory_of_the_page_is_not_blocked():
    assert {"/etc", "/proc", "/var"} <= set(blocked_paths(Path("/tmp/run/page")))
    assert "/var" not in blocked_paths(Path("/var/tmp/run/page"))
