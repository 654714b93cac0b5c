import json

import pytest
from starlette.testclient import TestClient

from srgan_gp.errors import (
    BusyError,
    Cancelled,
    DeviceError,
    ModelRefusedError,
    OutputError,
    PictureError,
    UsageError,
)
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.jobs.job_requests import GenerateRequest, UpscaleRequest
from srgan_gp.serving.server_settings import ServerSettings

FIELDS = (
    "picture, model, fidelity, look, precision, faces, scale, width, format, quality, "
    "keep_metadata, tile"
)
SETTINGS = ServerSettings(max_upload_bytes=100_000, max_files=2)


@pytest.fixture
def app(service):
    return guard(build_app(service), SETTINGS)[0]


@pytest.fixture
def client(app):
    return TestClient(app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False)


def problem_of(response):
    problem = response.json()
    assert set(problem) == {"code", "message"}
    return problem["code"], problem["message"]


def test_upscale_returns_the_file_and_its_report(client, service):
    response = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert response.status_code == 200
    assert response.content == b"pixels"
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"] == 'attachment; filename="photo_x4.png"'
    assert response.headers["cache-control"] == "no-store"
    assert json.loads(response.headers["x-report"]) == {"model": "fake", "name": "ä"}
    assert service.requests == [("testclient", UpscaleRequest(b"pixels", "a.png"))]


def test_every_field_reaches_the_service(client, service):
    options = {
        "model": "classic-x4", "fidelity": "0.5", "scale": "3", "width": "640", "format": "webp",
        "quality": "80", "keep_metadata": "true", "tile": "128", "faces": "0.5",
    }  # fmt: skip
    client.post("/api/upscale", data=options, files={"picture": ("a.png", b"pixels")})
    assert service.requests[0][1] == UpscaleRequest(
        b"pixels", "a.png", model="classic-x4", fidelity=0.5, scale=3, width=640, format="webp",
        quality=80, strip_metadata=False, tile=128, faces=0.5,
    )  # fmt: skip


def test_a_look_reaches_the_service_and_an_unknown_one_does_not(client, service):
    for look in ("natural", "nice"):
        client.post("/api/upscale", data={"look": look}, files={"picture": ("a.png", b"pixels")})
    assert [request.look for _, request in service.requests] == ["natural"]


def test_generate_passes_its_fields(client, service):
    options = {"seed": 7, "count": 2, "truncation": 0.7, "to_seed": 9, "frames": 5, "model": "f",
               "format": "gif"}  # fmt: skip
    assert client.post("/api/generate", data=options).content == b"faces"
    assert client.post("/api/generate").status_code == 200
    expected = GenerateRequest(7, 2, 0.7, 9, 5, "f", "gif")
    assert [request for _, request in service.requests] == [expected, GenerateRequest()]


def test_result_is_removed_after_it_was_sent(client, tmp_path):
    client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert list((tmp_path / "service").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UsageError("no such scale"), 400, "E_USAGE"),
        (ModelRefusedError("no such model"), 400, "E_MODEL"),
        (OutputError("the disk is full"), 507, "E_OUTPUT"),
        (DeviceError("the GPU is gone"), 500, "E_DEVICE"),
        (Cancelled("the server has ended"), 409, "E_CANCELLED"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_package_error_keeps_its_code_and_message(client, service, error, status, code):
    service.outcome = error
    response = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert response.status_code == status
    assert problem_of(response) == (code, str(error))


def test_image_error_is_a_complete_message(client, service):
    service.outcome = PictureError("E_DAMAGED", "it is cut off")
    response = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert response.status_code == 422
    assert problem_of(response) == ("E_DAMAGED", "This image cannot be used: it is cut off.")


def test_full_queue_sends_retry_after(client, service):
    service.outcome = BusyError("too much", retry_seconds=7)
    response = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "7"
    assert problem_of(response) == ("E_BUSY", "too much")


def test_unexpected_error_hides_internals(client, service):
    service.outcome = RuntimeError("/secret/path")
    response = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert response.status_code == 500
    assert problem_of(response)[0] == "E_INTERNAL"
    assert "secret" not in response.text and "Traceback" not in response.text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"scale": "large"}, "scale must be a number, not 'large'."),
        ({"quality": "1.5"}, "quality must be a whole number, not '1.5'."),
        ({"tile": "none"}, "tile must be a whole number or auto, not 'none'."),
        ({"keep_metadata": "maybe"}, "keep_metadata must be true or false, not 'maybe'."),
        ({"width": "9" * 99 + "x"}, f"width must be a whole number, not '{'9' * 40}'."),
        ({"qualty": "50"}, f"Unknown field 'qualty'. The fields are {FIELDS}."),
        ({"scale": ["2", "3"]}, "The field scale was sent 2 times. Send it once."),
    ],
)
def test_invalid_value_is_named(client, service, data, message):
    response = client.post("/api/upscale", data=data, files={"picture": ("a.png", b"pixels")})
    assert response.status_code == 400
    assert problem_of(response) == ("E_USAGE", message)
    assert service.requests == []


def test_repeated_file_is_refused(client, service):
    response = client.post("/api/upscale", files=[("picture", ("a.png", b"pixels"))] * 2)
    assert response.status_code == 400
    assert problem_of(response)[1] == "The field picture was sent 2 times. Send it once."
    assert service.requests == []


def test_query_parameters_and_json_are_refused(client, service):
    for response, message in (
        (client.post("/api/generate?seed=7"), "Send 'seed' as a form field, not in the URL."),
        (client.post("/api/generate", json={"seed": 7}),
         "The body must be a form, not application/json."),
    ):  # fmt: skip
        assert response.status_code == 400
        assert problem_of(response)[1] == message
    assert service.requests == []


@pytest.mark.parametrize("size", [100, 20_000])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "image/jpeg"])
def test_bytes_that_are_no_form_are_refused_with_advice(client, kind, size):
    """As `curl --data-binary @in.jpg` sends them."""
    body = b"\xff\xd8\xff&=%;" + bytes(range(256)) * (size // 256)
    response = client.post("/api/upscale", content=body, headers={"content-type": kind})
    assert (response.status_code, problem_of(response)[0]) == (400, "E_USAGE")
    assert problem_of(response)[1].endswith("-F picture=@FILE.")


@pytest.mark.parametrize("fields", [{}, {"scale": "2"}], ids=str)
def test_request_without_a_file_is_refused(client, fields):
    response = client.post("/api/upscale", data=fields)
    assert (response.status_code, problem_of(response)[0]) == (400, "E_USAGE")
    assert problem_of(response)[1].startswith("picture: a file is required. With curl")


def test_a_name_instead_of_a_file_is_refused_with_advice(client):
    for fields in ({"data": {"picture": "in.jpg"}}, {"files": {"picture": (None, "in.jpg")}}):
        response = client.post("/api/upscale", **fields)
        assert (response.status_code, problem_of(response)[0]) == (400, "E_USAGE")
        assert problem_of(response)[1].endswith("name of the file: -F picture=@in.jpg.")


def test_part_without_a_name_is_refused(client):
    body = b'--x\r\nContent-Disposition: form-data; filename="a.png"\r\n\r\n1\r\n--x--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = client.post("/api/upscale", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["message"].endswith("must be provided.")
    assert not response.json()["message"].endswith("..")


def test_limits_apply_to_the_api(client, service):
    picture = {"picture": ("a.png", bytes(100_001))}
    assert client.post("/api/upscale", files=picture).status_code == 413
    several = [("picture", ("a.png", b"x"))] * 3
    response = client.post("/api/upscale", files=several)
    assert (response.status_code, problem_of(response)[0]) == (413, "E_TOO_MANY_FILES")
    assert service.requests == []


def test_disconnect_cancels_the_job(app, service, ask):
    service.outcome = None  # it never ends
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
        b"pixels\r\n--xyz--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=xyz"}
    assert ask(app, "POST", "/api/upscale", headers, [body]).status != 200
    assert [job.is_cancelled for job in service.jobs] == [True]


def test_health_and_readiness_checks(client, service):
    assert client.get("/healthz").json() == {"status": "alive"}
    for path in ("/healthz", "/readyz", "/api/docs"):
        assert client.head(path).status_code == 200  # used by some load balancers
    assert client.get("/readyz").status_code == 200
    service.not_ready = "the server is shutting down"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert problem_of(response) == ("E_BUSY", "Not ready: the server is shutting down.")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("get", "/api/models", {"200"}),
        ("get", "/api/models/{name}/speed", {"200"}),
        ("post", "/api/upscale", {"200", "202", "400", "413", "422", "503"}),
        ("post", "/api/generate", {"200", "202", "400", "413", "422", "503"}),
        ("get", "/api/jobs", {"200"}),
        ("get", "/api/jobs/{id}", {"200", "404", "410"}),
        ("get", "/api/jobs/{id}/result", {"200", "404", "409", "410"}),
        ("post", "/api/jobs/{id}/cancel", {"200", "403", "404", "410"}),
    ],
)
def test_the_schema_has_the_statuses_of_each_route(client, method, path, statuses):
    schema = client.get("/api/openapi.json").json()
    assert set(schema["paths"][path][method]["responses"]) == statuses | {"default"}


def test_api_documents_every_field_and_loads_no_remote_files(client):
    schema = client.get("/api/openapi.json").json()
    assert {"/api/upscale", "/api/generate", "/api/models", "/api/jobs"} < set(schema["paths"])
    assert (
        "multipart/form-data" in schema["paths"]["/api/upscale"]["post"]["requestBody"]["content"]
    )
    page = client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    for body in schema["components"]["schemas"].values():
        if {"picture", "seed"} & set(body.get("properties", ())):
            for name, field in body["properties"].items():
                assert field["description"] and name in page.text
                assert "null" not in str(field), "a form cannot send null"
    own = "http://127.0.0.1:7860"
    assert "http" not in page.text.replace("HTTP", "").replace(own, "")
    assert f"curl -F picture=@photo.jpg -F scale=2 -o photo_x2.jpg {own}/api/upscale" in page.text
    for limit in ("50 MB", "25 megapixels", "10 min after"):
        assert limit in page.text, limit
    for message in ("Above 0, up to 1,000.", "1 to 100.", "16 to 1,024. Default: &quot;auto&quot;.",
                  "1 to 64. Default: 1.", "[60]. 2 to 120."):  # fmt: skip
        assert message in page.text, message
    assert "<script" not in page.text
