"""The server with a page: what is open, what is not, and what never comes out of it."""

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

from srgan_gp.serving.guards.access_control import OPEN_PATHS
from srgan_gp.serving.http.gradio_page import blocked_paths, mount_page, page_file
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.server_settings import ServerSettings

OWN = "http://127.0.0.1:7860/"
CANARY = b"a canary that must not come out"
GOLDEN = Path(__file__).parent / "golden_routes.txt"
SETTINGS = ServerSettings(max_upload_bytes=100_000, max_files=4)

connections = []


def note_connections(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        connections.append((event, arguments))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of the server: its temporary files in `run`, and canaries where a client might look."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "run" / "of-another-client").mkdir(parents=True)
    (folder / "cwd").mkdir()
    for name in ("canary", "run/canary", "run/of-another-client/canary", "cwd/canary", "cwd/.env"):
        (folder / name).write_bytes(CANARY)
    return folder


@pytest.fixture(scope="module")
def app(folder):
    """The app with a page of Gradio, unguarded."""
    sys.addaudithook(note_connections)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "cwd")
        patch.setattr(tempfile, "tempdir", tempfile.tempdir)
        patch.setattr(os, "environ", os.environ.copy())
        # Gradio makes locks, and with them a loop that nobody closes, where none is running.
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


def test_the_routes_are_the_known_ones_and_few_are_open(app):
    """A new version that brings a new route is looked at before it is let in."""
    lines = []
    for method, path in sorted(set(routes_of(app.routes)), key=lambda route: route[::-1]):
        example = re.sub(r"\{[^}]*\}", "x", path)
        is_open = any(re.fullmatch(pattern, example) for pattern in OPEN_PATHS)
        lines.append(f"{'open' if is_open else 'closed'} {method} {path}")
    assert lines == GOLDEN.read_text().splitlines()


def test_the_page_is_there_with_the_hashes_of_its_scripts(client):
    answer = client.get("/", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "tiny" in answer.text
    inline = [
        text for text in re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.S) if text
    ]
    assert answer.headers["content-security-policy"].count("'sha256-") == len(inline) > 0


def test_what_is_uploaded_can_be_fetched_by_its_path_and_runs_nothing(client, folder):
    page = b"<script>alert(1)</script>"
    for name in ("a.html", "a.svg", "<img src=x onerror=alert(1)>.png"):
        [path] = client.post("/gradio_api/upload", files={"files": (name, page)}).json()
        assert Path(path).is_relative_to(folder / "run" / "page")
        answer = client.get(f"/gradio_api/file={quote(path)}")
        assert answer.content == page
        assert answer.headers["content-security-policy"].endswith("sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"
        if not name.endswith(".png"):
            assert answer.headers["content-disposition"].startswith("attachment")


def test_uploads_that_are_refused_leave_nothing(client, folder):
    before = sorted(folder.rglob("*"))
    too_large = {"files": ("a.png", bytes(100_001))}
    answer = client.post("/gradio_api/upload", files=too_large)
    assert answer.status_code == 413
    # The page shows this text as it is.
    assert answer.text.startswith("The upload is larger than 0.1 MB")
    too_many = [("files", (f"{number}.png", b"x")) for number in range(5)]
    assert client.post("/gradio_api/upload", files=too_many).status_code == 413
    assert sorted(folder.rglob("*")) == before


def predict(client, path):
    """Give the page a file by its path, as its own scripts do after an upload."""
    file = {"path": path, "url": None, "meta": {"_type": "gradio.FileData"}}
    body = {"data": [file], "fn_index": 0, "session_hash": "x"}
    return client.post("/gradio_api/run/predict", json=body)


def test_the_page_takes_uploaded_files_only(client, app, folder):
    [path] = client.post("/gradio_api/upload", files={"files": ("a.png", b"mine")}).json()
    assert predict(client, path).json()["data"] == [path]
    outside = [str(folder / "canary"), str(folder / "run" / "of-another-client" / "canary")]
    outside += [f"{Path(path).parent}/../../../canary", "canary", "/etc/passwd"]
    # The page's framework alone refuses them as well, if in other words.
    unguarded = TestClient(app, raise_server_exceptions=False)
    for name in outside:
        answer = predict(client, name)
        assert (answer.status_code, answer.json()["code"]) == (400, "E_USAGE"), name
        assert predict(unguarded, name).status_code >= 400, name


@pytest.mark.parametrize("door", ["run/predict", "queue/join"])
@pytest.mark.parametrize("number", [-1, 9999, 10**30])
def test_functions_that_the_page_does_not_have_are_not_there(client, door, number):
    """The page's framework alone ends in a 500, with a traceback in the log."""
    order = {"data": [], "fn_index": number, "session_hash": "visitor"}
    answer = client.post(f"/gradio_api/{door}", json=order)
    assert (answer.status_code, answer.json().get("code")) == (404, "E_NOT_FOUND"), answer.text


@pytest.mark.parametrize("path", ["http://192.0.2.1/a.png", "https://example.org/a", "//a/b"])
def test_files_are_not_fetched(client, path):
    assert predict(client, path).status_code == 400
    assert client.get(f"/gradio_api/file={path}").status_code == 404


def hostile_paths(folder, count):
    """Paths to the canaries, disguised in the known ways; each one another."""
    rng = random.Random(0)
    places = ["canary", "run/canary", "run/of-another-client/canary", "cwd/canary", "cwd/.env"]
    targets = [str(folder / place) for place in places] + ["/etc/passwd", "/proc/self/environ"]
    doors = ["/gradio_api/file=", "/static/", "/assets/", "/svelte/", "/", "/pwa_icon/"]
    ups = ["../", "..%2f", "%2e%2e/", "..\\", "..%5c", "....//", "..;/", "%252e%252e%252f", "./"]
    inside = [str(folder / "run" / "page"), "", "x", "/", "file:", "file://", "C:", "~", "\\\\x"]
    endings = ["", "%00", "%00.png", "/", "/.", "?x", "#", ".png", "%20", "::$DATA"]
    found = set()
    while len(found) < count:
        target = rng.choice(targets)
        disguise = rng.choice((str, quote, lambda text: quote(quote(text)), str.upper,
                               lambda text: text.replace("/", "\\"),
                               lambda text: text.replace("/", "%2f"),
                               lambda text: text.lstrip("/")))  # fmt: skip
        climb = rng.choice(ups) * rng.randrange(12)
        found.add(
            rng.choice(doors) + rng.choice(inside) + climb + disguise(target) + rng.choice(endings)
        )
    return sorted(found)


def test_a_thousand_hostile_paths_give_nothing_away(guarded, request_of, folder):
    async def ask_all():
        for path in hostile_paths(folder, 1000):
            answer = await request_of(guarded, path=unquote(path.partition("?")[0]))
            yield path, answer

    async def run():
        return [pair async for pair in ask_all()]

    passwords = Path("/etc/passwd").read_bytes()
    for path, answer in asyncio.run(run()):
        assert CANARY not in answer.body, path
        assert passwords not in answer.body, path
        assert answer.status in (307, 400, 403, 404, 422), (path, answer.status)
        assert answer.headers.get("location", OWN).startswith(OWN), path


def test_nothing_was_connected_to(client):
    """Since the page was loaded, through everything above; the page is fetched once more."""
    client.get("/config")
    assert connections == []


def test_the_page_of_the_checkout_is_found():
    assert page_file() == Path(__file__).resolve().parents[3] / "apps" / "gradio_app.py"


def test_the_folder_of_the_page_is_never_blocked():
    assert {"/etc", "/proc", "/var"} <= set(blocked_paths(Path("/tmp/run/page")))
    assert "/var" not in blocked_paths(Path("/var/tmp/run/page"))
