"""The schema of the API has the keys and the types of real answers."""

import threading
import time

import pytest
from starlette.testclient import TestClient

from srgan_gp.serving.http import answer_schemas
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.jobs.job_requests import UpscaleRequest
from srgan_gp.serving.results.job_history import JobHistory

OWN = "http://127.0.0.1:7860"
IDENTITY = "0" * 32  # of the browser
OWNER = f"visitor-{IDENTITY}"
TIMEOUT = 60


@pytest.fixture
def history(real_service):
    return JobHistory(real_service)


@pytest.fixture
def client(real_service, history):
    """A browser with its cookie."""
    app = build_app(real_service, history)
    app.openapi()
    app = guard(app, real_service.settings)[0]
    client = TestClient(app, base_url=OWN, headers={"origin": OWN})
    signature = app._app._signature(IDENTITY)
    client.cookies.set("srgan-gp-visitor-7860", f"{IDENTITY}.{signature}")
    return client


@pytest.fixture
def schema(client):
    return client.get("/api/openapi.json").json()


def keys_differ(value, described, schema):
    """Yield each object whose keys are not those of its schema."""
    if "$ref" in described:
        described = schema["components"]["schemas"][described["$ref"].rpartition("/")[2]]
    if "discriminator" in described:
        kind = described["discriminator"]
        reference = kind["mapping"][value[kind["propertyName"]]]
        yield from keys_differ(value, {"$ref": reference}, schema)
    for option in described.get("anyOf", ()):
        if "$ref" in option and value is not None:
            yield from keys_differ(value, option, schema)
    for item in value if described.get("type") == "array" else ():
        yield from keys_differ(item, described.get("items", {}), schema)
    if "properties" in described:
        known, needed = described["properties"], set(described.get("required", ()))
        if not needed <= set(value) <= set(known):
            yield sorted(value), sorted(known)
        for key in set(value) & set(known):
            yield from keys_differ(value[key], known[key], schema)


def check(answer, path, schema, method="get"):
    """Check an answer against the schema of its status; return the answer as JSON."""
    response = schema["paths"][path][method]["responses"][str(answer.status_code)]
    described = response["content"]["application/json"]["schema"]
    name = described["$ref"].rpartition("/")[2]
    assert list(keys_differ(answer.json(), described, schema)) == []
    getattr(answer_schemas, name).model_validate_json(answer.content, strict=True)
    return answer.json()


def test_answers_about_jobs_have_the_keys_of_the_schema(client, history, schema, png):
    may_end = threading.Event()
    request = UpscaleRequest(png, "a.png", needs_viewer_tiles=True)
    entry = history.submit(
        OWNER, request, title="a.png", tab="upscale", on_progress=lambda *_: may_end.wait(TIMEOUT)
    )
    address, one = f"/api/jobs/{entry.id}", "/api/jobs/{id}"
    states = set()
    while "running" not in states:
        states.add(check(client.get(address), one, schema)["state"])
        time.sleep(0.01)
    queued = [  # the first three are taken by the threads
        client.post("/api/upscale", params={"async": 1}, files={"picture": ("b.png", png)})
        for _ in range(4)
    ]
    jobs = [check(answer, "/api/upscale", schema, "post") for answer in queued]
    last = check(client.get(jobs[-1]["urls"]["job"]), one, schema)
    assert (last["state"], last["ahead"] > 0) == ("queued", True)
    cancelled = check(client.post(last["urls"]["cancel"]), f"{one}/cancel", schema, "post")
    assert cancelled["error"]["code"] == "E_CANCELLED" and "name" not in cancelled
    listed = check(client.get("/api/jobs"), "/api/jobs", schema)
    assert {job["state"] for job in listed["jobs"]} >= {"running", "failed"}
    may_end.set()
    entry.job.wait(TIMEOUT)
    done = check(client.get(address), one, schema)
    assert (done["state"], done["view"]["size"]) == ("done", [32, 24])
    check(client.post(f"{address}/remove"), f"{one}/remove", schema, "post")
    check(client.post("/api/jobs/clear"), "/api/jobs/clear", schema, "post")


def test_a_generated_face_a_model_and_its_speed_have_the_keys_of_the_schema(client, schema):
    answer = client.post("/api/generate", params={"async": 1}, data={"seed": 3})
    check(answer, "/api/generate", schema, "post")
    models = check(client.get("/api/models"), "/api/models", schema)["models"]
    assert {"super-resolution", "face-generation"} <= {model["task"] for model in models}
    check(client.get("/api/models/tiny/speed"), "/api/models/{name}/speed", schema)
    problem = client.get("/api/models/nope/speed")
    answer_schemas.Problem.model_validate_json(problem.content)


@pytest.mark.parametrize(
    ("path", "address", "media_type"),
    [
        ("/{id}/events", "/{id}/events", "text/event-stream"),
        ("/{id}/thumbnail", "/{id}/thumbnail", "image/png"),
        ("/{id}/tiles/{layer}/{level}/{column}/{row}", "/{id}/tiles/after/0/0/0", "image/png"),
        ("/zip", "/zip", "application/zip"),
    ],
)
def test_the_schema_states_the_media_type_of_each_answer(
    client, history, schema, png, path, address, media_type
):
    request = UpscaleRequest(png, "a.png", needs_viewer_tiles=True)
    entry = history.submit(OWNER, request, title="a.png")
    entry.job.wait(TIMEOUT)
    answer = client.get("/api/jobs" + address.format(id=entry.id))
    assert answer.headers["content-type"].partition(";")[0] == media_type
    described = schema["paths"]["/api/jobs" + path]["get"]["responses"]["200"]
    assert list(described["content"]) == [media_type]


def test_every_answer_of_the_api_is_described(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                contents = response["content"].values()
                assert contents and all(one["schema"] for one in contents), (method, path, status)
