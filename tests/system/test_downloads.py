"""Downloads from a local server: limit, retries, redirects."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.system import downloads
from srgan_gp.system.downloads import download

CONTENT = b"weights" * 100


@pytest.fixture
def server(monkeypatch):
    """A local server without TLS, which is allowed for the test; counts its requests by path."""
    asked = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked[self.path] = asked.get(self.path, 0) + 1
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "ftp://127.0.0.1/file")
                self.end_headers()
                return
            is_missing = self.path == "/missing"
            is_busy = self.path == "/busy" and asked[self.path] < 3
            self.send_response(404 if is_missing else 503 if is_busy else 200)
            if self.path == "/short":
                self.send_header("Content-Length", str(len(CONTENT) + 1))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_):
            pass

    monkeypatch.setattr(downloads, "SCHEMES", ("http",))
    monkeypatch.setattr(downloads, "_SECONDS_TO_WAIT", 0.0)
    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}", asked
        found.shutdown()
        thread.join()


def test_the_content_is_returned_up_to_the_limit(server):
    address, _ = server
    assert download(f"{address}/file", len(CONTENT)) == CONTENT
    with pytest.raises(UsageError, match=f"more than {len(CONTENT) - 1} bytes"):
        download(f"{address}/file", len(CONTENT) - 1)


def test_a_busy_server_and_a_cut_answer_are_tried_three_times(server):
    address, asked = server
    assert download(f"{address}/busy", 1000) == CONTENT
    with pytest.raises(UsageError, match="cannot be downloaded"):
        download(f"{address}/short", 1000)
    assert asked == {"/busy": 3, "/short": 3}


def test_a_missing_file_is_asked_for_once(server):
    address, asked = server
    with pytest.raises(UsageError, match="cannot be downloaded: Not Found"):
        download(f"{address}/missing", 1000)
    assert asked == {"/missing": 1}


def test_a_redirect_leads_to_allowed_addresses_only(server):
    with pytest.raises(UsageError, match=r"^ftp://\S+ is not an HTTPS address"):
        download(f"{server[0]}/elsewhere", 1000)


@pytest.mark.parametrize("url", ["http://127.0.0.1/file", "file:///etc/passwd"])
def test_only_https_is_allowed(url):
    with pytest.raises(UsageError, match="over HTTPS only"):
        download(url, 1000)
