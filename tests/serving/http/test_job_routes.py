"""Asynchronous jobs over HTTP: events, result, cancel, remove, and who may use them."""

import asyncio
import io
import json
import re
import secrets
import threading
import time
import zipfile

import pytest
from PIL import Image
from starlette.testclient import TestClient

from srgan_gp.errors import BusyError, Cancelled
from srgan_gp.serving.guards import visitor_cookies
from srgan_gp.serving.http import job_descriptions, job_routes
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.jobs.job_requests import UpscaleRequest
from srgan_gp.serving.results.job_history import JobHistory

OWN = "http://127.0.0.1:7860"
TIMEOUT = 60
COOKIE = "srgan-gp-visitor-7860"


@pytest.fixture
def history(real_service):
    return JobHistory(real_service)


@pytest.fixture
def app(real_service, history):
    app = build_app(real_service, history)
    # The first use builds the fields with some warnings ignored, which no thread may reset.
    app.openapi()
    return guard(app, real_service.settings)[0]


@pytest.fixture
def visitor(app):
    """Open a browser with its own cookie."""

    def open_one():
        client = TestClient(app, base_url=OWN, headers={"origin": OWN})
        identity = visitor_cookies.secrets.token_hex(16)
        cookies = app._app
        client.cookies.set(COOKIE, f"{identity}.{cookies._signature(identity)}")
        return client

    return open_one


@pytest.fixture
def client(app):
    """A client of the API without a cookie."""
    return TestClient(app, base_url=OWN)


def test_results_are_downloaded_as_a_zip_by_their_visitor_only(visitor, history, png):
    me, other = visitor(), visitor()
    jobs = [start(me, png) for _ in range(3)]
    for entry in history._entries.values():
        entry.job.wait(TIMEOUT)
    for address, count in (("", 3), (f"?ids={jobs[0]['id']},{jobs[2]['id']}", 2)):
        response = me.get(f"/api/jobs/zip{address}")
        assert response.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == count
    stolen = other.get(f"/api/jobs/zip?ids={jobs[0]['id']}")
    assert stolen.status_code == 404
    assert me.get("/api/jobs/zip?ids=0").status_code == 404


def test_a_zip_that_names_a_missing_result_is_refused(visitor, history, png):
    me = visitor()
    jobs = [start(me, png) for _ in range(2)]
    for entry in history._entries.values():
        entry.job.wait(TIMEOUT)
    assert me.get(f"/api/jobs/zip?ids={jobs[0]['id']},{'0' * 32}").status_code == 404
    me.post(jobs[1]["urls"]["remove"])
    response = me.get(f"/api/jobs/zip?ids={jobs[0]['id']},{jobs[1]['id']}")
    assert (response.status_code, response.json()["code"]) == (410, "E_EXPIRED")
    assert response.json()["message"].startswith("Removed or expired: 1 of the 2 results.")
    assert me.get("/api/jobs/zip").status_code == 200


def test_results_do_not_expire_while_their_zip_is_sent(visitor, history, png, monkeypatch):
    me = visitor()
    job = start(me, png)
    [entry] = history._entries.values()
    path = entry.job.wait(TIMEOUT).path

    def expire(results):
        yield b"begun"
        entry.job.ended = time.monotonic() - 1e6
        history.entries(entry.owner)
        history.service._temporary_files.sweep(time.time() + 1e6)
        yield results[0].path.read_bytes()

    monkeypatch.setattr(job_routes, "zip_chunks", expire)
    content = path.read_bytes()
    assert me.get("/api/jobs/zip").content == b"begun" + content
    assert not history._held and not history.service._temporary_files._held
    assert me.get(job["urls"]["result"]).status_code == 410


def test_a_zip_whose_client_disconnects_holds_no_result(
    visitor, app, history, png, monkeypatch, request_of
):
    me, held, has_begun = visitor(), [], asyncio.Event()
    start(me, png)
    [entry] = history._entries.values()
    entry.job.wait(TIMEOUT)

    def endless(results):
        while True:
            held.append(dict(history._held))
            yield b"part"

    async def app_of_client(scope, receive, send):
        async def disconnect_later():
            message = await receive()
            if message["type"] == "http.disconnect":
                await has_begun.wait()
            return message

        async def send_part(message):
            await send(message)
            if message.get("body"):
                has_begun.set()

        await app(scope, disconnect_later, send_part)

    async def abort():
        headers = {"cookie": f"{COOKIE}={me.cookies[COOKIE]}"}
        await request_of(app_of_client, path="/api/jobs/zip", headers=headers)
        # At once: later, the end of the loop closes what was left.
        return dict(history._held), dict(history.service._temporary_files._held)

    monkeypatch.setattr(job_routes, "zip_chunks", endless)
    assert asyncio.run(abort()) == ({}, {})
    assert held[0] == {entry.id: 1}


def start(client, png, **fields):
    response = client.post("/api/upscale?async=1", data=fields, files={"picture": ("a.png", png)})
    assert response.status_code == 202, response.text
    return response.json()


def events_of(client, job):
    """Return the events of a job until it ends."""
    response = client.get(job["urls"]["events"])
    assert response.headers["content-type"].startswith("text/event-stream")
    pairs = re.findall(r"event: (\w+)\ndata: (.*)\n\n", response.text)
    return [(name, json.loads(data)) for name, data in pairs]


def test_a_job_reports_its_progress_and_then_its_result(client, png):
    job = start(client, png)
    assert client.get(job["urls"]["job"]).json()["urls"] == job["urls"]
    name, last = events_of(client, job)[-1]
    assert (name, last["state"], last["report"]["result_size"]) == ("done", "done", [32, 24])
    assert (last["percent"], last["seconds_left"]) == (100, 0)
    assert client.get(job["urls"]["job"]).json()["urls"] == last["urls"] == job["urls"]
    result = client.get(job["urls"]["result"])
    direct = client.post("/api/upscale", files={"picture": ("a.png", png)})
    assert result.content == direct.content
    head = client.head(job["urls"]["result"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(result.content))
    assert result.headers["content-disposition"] == 'attachment; filename="a_tiny_2x.png"'
    assert json.loads(result.headers["x-report"])["model"] == "tiny"


@pytest.mark.parametrize("is_async", [True, False])
def test_a_result_has_a_name_in_ascii_for_clients_that_need_one(client, png, is_async):
    files = {"picture": ("Straße.png", png)}
    answer = client.post(f"/api/upscale?async={int(is_async)}", files=files)
    if is_async:
        events_of(client, answer.json())
        answer = client.get(answer.json()["urls"]["result"])
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Strasse_tiny_2x.png\"; filename*=UTF-8''Stra%C3%9Fe_tiny_2x.png"
    )


def test_a_job_that_ends_while_its_progress_is_read_still_reports_its_result(
    client, png, monkeypatch
):
    job = start(client, png)
    events_of(client, job)
    real, early = job_descriptions.describe, [{"state": "encoding"}]
    monkeypatch.setattr(
        job_descriptions, "describe", lambda *about: early.pop() if early else real(*about)
    )
    assert [name for name, _ in events_of(client, job)] == ["progress", "done"]


def test_a_server_that_shuts_down_serves_results_and_refuses_new_jobs(visitor, real_service, png):
    client = visitor()
    job = start(client, png)
    events_of(client, job)
    real_service.drain(0)  # the first step after a signal
    assert [entry["id"] for entry in client.get("/api/jobs").json()["jobs"]] == [job["id"]]
    assert client.get(job["urls"]["result"]).status_code == 200
    for address in ("/api/upscale", "/api/upscale?async=1"):
        refused = client.post(address, files={"picture": ("a.png", png)})
        assert (refused.status_code, refused.json()["code"]) == (503, "E_BUSY")
        assert "retry-after" in refused.headers


def test_generated_faces_can_be_asynchronous(client):
    response = client.post("/api/generate?async=1", data={"count": 2})
    assert events_of(client, response.json())[-1][1]["report"]["seeds"] == [0, 1]


def test_a_failed_job_has_an_error(client):
    job = start(client, b"no image")
    name, last = events_of(client, job)[-1]
    assert (name, last["error"]["code"]) == ("failed", "E_NOT_AN_IMAGE")
    assert last["seconds_left"] is None
    response = client.get(job["urls"]["result"])
    assert response.status_code == 422
    assert response.json() == last["error"]


def test_the_result_of_a_job_that_found_the_server_busy_is_not_to_be_requested_again(
    client, real_service, monkeypatch, png
):
    def fail(_job):
        raise BusyError("The server is overloaded. Try again in a minute.", retry_seconds=60)

    monkeypatch.setattr(real_service._execution, "run", fail)
    job = start(client, png)
    error = events_of(client, job)[-1][1]["error"]
    response = client.get(job["urls"]["result"])
    assert (response.status_code, response.json()) == (409, error)
    assert error["code"] == "E_BUSY"
    assert "retry-after" not in response.headers, "the job has failed for good"


def test_a_cancelled_job_keeps_its_last_percent(client, history, png):
    may_end = threading.Event()
    request = UpscaleRequest(png, "a.png")
    entry = history.submit(
        "testclient", request, title="a.png", on_progress=lambda *_: may_end.wait(TIMEOUT)
    )
    address, before = f"/api/jobs/{entry.id}", None
    while not before:
        before = client.get(address).json()["percent"]
    client.post(f"{address}/cancel")
    may_end.set()
    with pytest.raises(Cancelled):
        entry.job.wait(TIMEOUT)
    facts = client.get(address).json()
    assert (facts["state"], facts["seconds_left"]) == ("failed", None)
    assert before <= facts["percent"] <= 100
    assert client.get(address).json()["percent"] == facts["percent"], "the job has ended"


def test_a_job_is_listed_removed_and_then_expired(visitor, png):
    client = visitor()
    job = start(client, png)
    events_of(client, job)
    assert [entry["id"] for entry in client.get("/api/jobs").json()["jobs"]] == [job["id"]]
    assert client.post(job["urls"]["remove"]).json() == {"removed": 1}
    assert client.get("/api/jobs").json()["jobs"] == []
    response = client.get(job["urls"]["result"])
    assert (response.status_code, response.json()["code"]) == (410, "E_EXPIRED")
    assert "10 min" in response.json()["message"]


def test_a_queued_job_is_cancelled(client, real_service, png, monkeypatch):
    monkeypatch.setattr(real_service._queue, "take", lambda: None)
    jobs = [start(client, png) for _ in range(2)]
    states = [client.get(job["urls"]["job"]).json() for job in jobs]
    if states[1]["state"] == "queued":  # a thread may have taken the first ones
        assert states[1]["ahead"] >= states[0].get("ahead", 0)
    client.post(jobs[1]["urls"]["cancel"])
    assert events_of(client, jobs[1])[-1][0] in ("failed", "done")


def test_other_visitors_cannot_use_a_stolen_id(visitor, client, png):
    mine, other = visitor(), visitor()
    job = start(mine, png)
    events_of(mine, job)
    for thief in (other, client):
        assert thief.get("/api/jobs").json()["jobs"] == []
        for path in ("job", "events", "result"):
            assert thief.get(job["urls"][path]).status_code == 404
        for path in ("cancel", "remove"):
            assert thief.post(job["urls"][path]).status_code == 404
        assert thief.post("/api/jobs/clear").json() == {"removed": 0}
    assert mine.get(job["urls"]["result"]).status_code == 200
    assert mine.post("/api/jobs/clear").json() == {"removed": 1}


def requests_about(id):
    """Return method and path of every route about one job; removal is the last."""
    routes = [route for route in job_routes.build_job_routes().routes if "{id}" in route.path]
    values = {"id": id, "layer": "after", "level": 0, "column": 0, "row": 0}
    found = [
        (method, route.path.format(**values))
        for route in routes
        for method in route.methods - {"HEAD"}  # without a body
    ]
    return sorted(found, key=lambda pair: pair[1].endswith("/remove"))


@pytest.mark.parametrize("state", ["running", "done", "removed"])
def test_every_route_refuses_stolen_and_guessed_ids_alike(visitor, client, history, png, state):
    mine, other = visitor(), visitor()
    owner = f"visitor-{mine.cookies[COOKIE].partition('.')[0]}"
    may_end = threading.Event()
    on_progress = (lambda *_: may_end.wait(TIMEOUT)) if state == "running" else None
    request = UpscaleRequest(png, "a.png", needs_viewer_tiles=True)
    entry = history.submit(owner, request, title="a.png", on_progress=on_progress)
    if state != "running":
        entry.job.wait(TIMEOUT)
    if state == "removed":
        history.remove(entry)
    near = f"{int(entry.id, 16) ^ 1:032x}"
    try:
        answers = [
            (answer.status_code, answer.json())
            for thief in (other, client)
            for id in (entry.id, near, secrets.token_hex(16))
            for answer in (thief.request(*pair) for pair in requests_about(id))
        ]
        assert len(answers) == 2 * 3 * 7
        nothing = 404, {"code": "E_NOT_FOUND", "message": "There is no such job."}
        assert all(answer == nothing for answer in answers), answers
        assert state == "removed" or not entry.job.cancellation._is_cancelled
    finally:
        may_end.set()
    if state == "removed":
        assert {mine.request(*pair).status_code for pair in requests_about(entry.id)} == {410}
        return
    entry.job.wait(TIMEOUT)
    assert {mine.request(*pair).status_code for pair in requests_about(entry.id)} == {200}


@pytest.mark.parametrize("id", ["0" * 32, "0", "%00", "0" * 31 + "G"])
def test_guessed_ids_find_nothing(client, id):
    for path in ("", "/events", "/result", "/thumbnail", "/tiles/before/0/0/0"):
        answer = client.get(f"/api/jobs/{id}{path}")
        assert (answer.status_code, answer.json()["message"]) == (404, "There is no such job.")


def test_changes_by_a_browser_need_the_origin_of_the_page(visitor, png):
    browser = visitor()
    job = start(browser, png)
    del browser.headers["origin"]
    refused = browser.post(job["urls"]["remove"])
    assert (refused.status_code, refused.json()["code"]) == (403, "E_ORIGIN")
    assert f"'Origin: {OWN}'" in refused.json()["message"]
    headers = {"origin": "http://example.org"}
    assert browser.post(job["urls"]["remove"], headers=headers).status_code == 403
    assert browser.get(job["urls"]["job"]).status_code == 200
    assert browser.post(job["urls"]["remove"], headers={"origin": OWN}).status_code == 200


def test_tiles_and_thumbnails_of_a_job(client, history, png):
    request = UpscaleRequest(png, "a.png", needs_viewer_tiles=True)
    entry = history.submit("testclient", request, title="a.png")
    entry.job.wait(TIMEOUT)
    base = f"/api/jobs/{entry.id}"
    facts = client.get(base).json()
    assert facts["view"]["size"] == [32, 24]
    for layer in ("before", "after"):
        response = client.get(f"{base}/tiles/{layer}/0/0/0")
        assert response.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(response.content)).size == (32, 24)
        assert "private" in response.headers["cache-control"]
    for outside in ("after/0/0/1", "after/9/0/0", "middle/0/0/0", "after/0/-1/0"):
        assert client.get(f"{base}/tiles/{outside}").status_code == 404, outside
    small = client.get(f"{base}/thumbnail")
    assert Image.open(io.BytesIO(small.content)).size == (32, 24)


def test_a_result_without_a_view_has_a_thumbnail_but_no_tiles(client):
    job = client.post("/api/generate?async=1", data={"count": 4}).json()
    events_of(client, job)
    small = client.get(f"/api/jobs/{job['id']}/thumbnail")
    assert 0 < max(Image.open(io.BytesIO(small.content)).size) <= 192
    assert client.get(f"/api/jobs/{job['id']}/tiles/after/0/0/0").status_code == 404


def test_the_speed_of_a_model_is_measured_on_this_server(client):
    first, second = (client.get("/api/models/tiny/speed").json() for _ in range(2))
    assert first == second
    assert first["seconds_per_megapixel"] > 0
    response = client.get("/api/models/tiny-faces/speed")
    assert (response.status_code, response.json()["code"]) == (400, "E_USAGE")


def test_without_a_cookie_jobs_are_found_by_their_id_only(client, png):
    job = start(client, png)
    assert client.get("/api/jobs").json()["jobs"] == []
    assert client.post("/api/jobs/clear").json() == {"removed": 0}
    assert client.get(job["urls"]["job"]).status_code == 200


def test_an_open_page_gets_an_identity_again_after_a_restart(client):
    client.cookies.set(COOKIE, "of.another")
    assert client.get("/api/jobs").headers["set-cookie"].startswith(f"{COOKIE}=")
    assert "set-cookie" not in client.get("/api/models").headers


def test_models_are_listed_with_their_tasks(client):
    models = {model["name"]: model for model in client.get("/api/models").json()["models"]}
    assert models["tiny"]["task"] == "super-resolution"
    assert models["tiny"]["scale"] == 2
    assert models["tiny-faces"]["task"] == "face-generation"
    assert "scale" not in models["tiny-faces"]


def test_an_error_lists_only_the_models_of_the_task(client, png):
    for path, wrong in (("upscale", "tiny-faces"), ("generate", "tiny")):
        files = {"picture": ("a.png", png)} if path == "upscale" else None
        response = client.post(f"/api/{path}", data={"model": wrong}, files=files)
        message = response.json()["message"]
        assert message.startswith(f"The model {wrong} is for another task. Choose one of ")
        others = message.partition("one of ")[2].rstrip(".").split(", ")
        assert wrong not in others
        assert {"tiny", "tiny-faces"} - {wrong} <= set(others)


WRONG_UPSCALES = [
    ({"model": "nope"}, "Unknown model 'nope'. Choose one of "),
    ({"model": "tiny-faces"}, "The model tiny-faces is for another task."),
    ({"quality": 0}, "The quality must be from 1 to 100, not 0."),
    ({"scale": 0}, "The scale must be a number above 0, "),
    ({"scale": 2, "width": 9}, "Pass a scale or a width, not both."),
    ({"tile": 8}, "The tile size must be auto or from 16 to 1024 pixels, not 8."),
    ({"format": "xyz"}, "cannot write 'xyz': choose one of PNG, "),
    ({"faces": 1}, "This server has no face detector."),
    ({"fidelity": 3}, "The fidelity must be from 0 to 1, not 3.0."),
    ({"fidelity": 0.5, "look": "crisp"}, "A look is a name for a fidelity; pass one of them"),
    ({"fidelity": 0.5}, "The fidelity works only with "),
    ({"look": "crisp"}, "The look crisp works only with "),
    ({"model": "near", "fidelity": 0.5, "precision": "int8"}, "An int8 network cannot be mixed"),
    ({"scale": 2, "precision": "int8"}, "The model tiny has no int8 network."),
    ({"width": 100, "fidelity": 7}, "The fidelity must be from 0 to 1, not 7.0."),
    ({"width": 100, "fidelity": 0.5, "precision": "int8"}, "An int8 network cannot be mixed"),
]
WRONG_FACES = [
    ({"model": "x"}, "Unknown model 'x'. Choose one of "),
    ({"count": 65}, "The count must be from 1 to 64, not 65."),
    ({"seed": -1}, "A seed must be from 0 to 4294967295, not -1."),
    ({"seed": 2**32 - 1, "count": 2}, "2 faces from the seed 4294967295 go beyond the last seed"),
    ({"truncation": 9}, "The truncation must be 4 at most, not 9."),
    ({"truncation": -1}, "The truncation must be a number of 0 or more, not -1.0."),
    ({"format": "xyz"}, "cannot write 'xyz': choose one of PNG, "),
    ({"to_seed": 1, "format": "xyz"}, "The format of an animation must be one of gif, "),
    ({"frames": 9}, "The number of frames needs `to_seed`"),
]


@pytest.mark.usefixtures("partners")
@pytest.mark.parametrize(
    ("path", "wrong"), [("/api/upscale", WRONG_UPSCALES), ("/api/generate", WRONG_FACES)]
)
def test_a_wrong_value_is_refused_at_once_and_makes_no_job(client, history, png, path, wrong):
    files = {"picture": ("a.png", png)} if path == "/api/upscale" else None
    for fields, message in wrong:
        answers = [
            client.post(path, params=query, data=fields, files=files)
            for query in ({}, {"async": 1})
        ]
        assert answers[0].json() == answers[1].json(), fields
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (400, "E_USAGE"), fields
            assert answer.json()["message"].startswith(message), answer.text
    assert not history._entries


def test_a_seed_up_to_the_last_one_is_accepted(client):
    answer = client.post("/api/generate", data={"seed": 2**32 - 2, "count": 2})
    assert json.loads(answer.headers["x-report"])["seeds"] == [2**32 - 2, 2**32 - 1]
