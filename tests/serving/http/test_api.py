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

FIELDS = "picture, model, fidelity, scale, width, format, quality, keep_metadata, tile"
SETTINGS = ServerSettings(max_upload_bytes=100_000, max_files=2)


@pytest.fixture
def app(service):
    return guard(build_app(service), SETTINGS)[0]


@pytest.fixture
def client(app):
    return TestClient(app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False)


def problem_of(answer):
    problem = answer.json()
    assert set(problem) == {"code", "message"}
    return problem["code"], problem["message"]


def test_a_picture_goes_in_and_the_file_comes_out_with_its_report(client, service):
    answer = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert answer.status_code == 200
    assert answer.content == b"pixels"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'attachment; filename="photo_x4.png"'
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(answer.headers["x-report"]) == {"model": "fake", "name": "ä"}
    assert service.requests == [("testclient", UpscaleRequest(b"pixels", "a.png"))]


def test_every_option_reaches_the_service(client, service):
    options = {
        "model": "classic-x4", "fidelity": "0.5", "scale": "3", "width": "640", "format": "webp",
        "quality": "80", "keep_metadata": "true", "tile": "128",
    }  # fmt: skip
    client.post("/api/upscale", data=options, files={"picture": ("a.png", b"pixels")})
    assert service.requests[0][1] == UpscaleRequest(
        b"pixels", "a.png", model="classic-x4", fidelity=0.5, scale=3, width=640, format="webp",
        quality=80, strip_metadata=False, tile=128,
    )  # fmt: skip


def test_faces_are_drawn(client, service):
    options = {"seed": 7, "count": 2, "truncation": 0.7, "to_seed": 9, "frames": 5, "model": "f",
               "format": "gif"}  # fmt: skip
    assert client.post("/api/generate", data=options).content == b"faces"
    assert client.post("/api/generate").status_code == 200
    expected = GenerateRequest(7, 2, 0.7, 9, 5, "f", "gif")
    assert [request for _, request in service.requests] == [expected, GenerateRequest()]


def test_a_result_that_was_sent_is_gone(client, tmp_path):
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
def test_an_error_of_ours_keeps_its_code_and_its_sentence(client, service, error, status, code):
    service.outcome = error
    answer = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert answer.status_code == status
    assert problem_of(answer) == (code, str(error))


def test_what_is_wrong_with_a_picture_is_a_whole_sentence(client, service):
    service.outcome = PictureError("E_DAMAGED", "it is cut off")
    answer = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert answer.status_code == 422
    assert problem_of(answer) == ("E_DAMAGED", "This picture cannot be used: it is cut off.")


def test_a_full_queue_says_when_to_come_back(client, service):
    service.outcome = BusyError("too much", retry_seconds=7)
    answer = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert problem_of(answer) == ("E_BUSY", "too much")


def test_any_other_error_says_nothing_about_the_server(client, service):
    service.outcome = RuntimeError("/secret/path")
    answer = client.post("/api/upscale", files={"picture": ("a.png", b"pixels")})
    assert answer.status_code == 500
    assert problem_of(answer)[0] == "E_INTERNAL"
    assert "secret" not in answer.text and "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"scale": "large"}, "scale must be a number, not 'large'."),
        ({"quality": "1.5"}, "quality must be a whole number, not '1.5'."),
        ({"tile": "none"}, "tile must be a whole number or auto, not 'none'."),
        ({"keep_metadata": "maybe"}, "keep_metadata must be true or false, not 'maybe'."),
        ({"width": "9" * 99 + "x"}, f"width must be a whole number, not '{'9' * 40}'."),
        ({"qualty": "50"}, f"There is no field 'qualty'; the fields are {FIELDS}."),
        ({"scale": ["2", "3"]}, "The field scale came 2 times; send it once."),
    ],
)
def test_a_value_that_makes_no_sense_is_named(client, service, data, words):
    answer = client.post("/api/upscale", data=data, files={"picture": ("a.png", b"pixels")})
    assert answer.status_code == 400
    assert problem_of(answer) == ("E_USAGE", words)
    assert service.requests == []


def test_of_two_pictures_none_is_left_out_in_silence(client, service):
    answer = client.post("/api/upscale", files=[("picture", ("a.png", b"pixels"))] * 2)
    assert answer.status_code == 400
    assert problem_of(answer)[1] == "The field picture came 2 times; send it once."
    assert service.requests == []


def test_values_that_are_no_fields_are_not_left_out_in_silence(client, service):
    for answer, words in (
        (client.post("/api/generate?seed=7"), "Send 'seed' in the form, not in the address."),
        (client.post("/api/generate", json={"seed": 7}),
         "Send the values as a form, not as application/json."),
    ):  # fmt: skip
        assert answer.status_code == 400
        assert problem_of(answer)[1] == words
    assert service.requests == []


@pytest.mark.parametrize("fields", [{"scale": "2"}, {"picture": "words"}], ids=str)
def test_a_request_without_a_picture_is_refused(client, fields):
    answer = client.post("/api/upscale", data=fields)
    assert (answer.status_code, problem_of(answer)[0]) == (400, "E_USAGE")
    assert problem_of(answer)[1] == "picture: a file is needed."


def test_a_part_without_a_name_is_refused_in_one_sentence(client):
    body = b'--x\r\nContent-Disposition: form-data; filename="a.png"\r\n\r\n1\r\n--x--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/upscale", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("must be provided.")
    assert not answer.json()["message"].endswith("..")


def test_limits_hold_for_the_api(client, service):
    picture = {"picture": ("a.png", bytes(100_001))}
    assert client.post("/api/upscale", files=picture).status_code == 413
    several = [("picture", ("a.png", b"x"))] * 3
    answer = client.post("/api/upscale", files=several)
    assert (answer.status_code, problem_of(answer)[0]) == (413, "E_TOO_MANY_FILES")
    assert service.requests == []


def test_a_client_that_goes_away_cancels_its_job(app, service, ask):
    service.outcome = None  # it would go on for ever
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
        b"pixels\r\n--xyz--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=xyz"}
    assert ask(app, "POST", "/api/upscale", headers, [body]).status != 200
    assert [job.is_cancelled for job in service.jobs] == [True]


def test_the_probes_tell_alive_from_ready(client, service):
    assert client.get("/healthz").json() == {"status": "alive"}
    for path in ("/healthz", "/readyz", "/api/docs"):
        assert client.head(path).status_code == 200  # as some load balancers ask
    assert client.get("/readyz").status_code == 200
    service.not_ready = "the server ends"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert problem_of(answer) == ("E_BUSY", "Not ready: the server ends.")
    assert client.get("/healthz").status_code == 200


def test_the_api_documents_every_field_and_loads_nothing_from_elsewhere(client):
    schema = client.get("/api/openapi.json").json()
    assert set(schema["paths"]) == {"/api/upscale", "/api/generate"}
    assert (
        "multipart/form-data" in schema["paths"]["/api/upscale"]["post"]["requestBody"]["content"]
    )
    page = client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    for body in schema["components"]["schemas"].values():
        if "picture" in body["properties"] or "seed" in body["properties"]:
            for name, field in body["properties"].items():
                assert field["description"] and name in page.text
                assert "null" not in str(field), "no form can send it"
    assert "http" not in page.text.replace("HTTP", "")
    for words in ("Above 0, up to 1,000.", "1 to 100.", "16 to 1,024. Default: &quot;auto&quot;.",
                  "1 to 64. Default: 1.", "2 to 120. Default: 60."):  # fmt: skip
        assert words in page.text, words
    assert "<script" not in page.text
