"""Download of a trained model: by the browser that trained it, and by no other."""

from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from srgan_gp.serving.http.server import build_app, guard

OWN = "http://127.0.0.1:7860"


@pytest.fixture
def open_client(real_service, tmp_path):
    """Open a client of a server on which the clients in `runs` trained a model."""

    def open_one(runs):
        app = build_app(real_service, trainings=SimpleNamespace(last_run_of=runs.get))
        app.openapi()
        return TestClient(guard(app, real_service.settings)[0], base_url=OWN)

    return open_one


@pytest.fixture
def run(tmp_path):
    def zip_of_model():
        (tmp_path / "mine.zip").write_bytes(b"zip")
        return tmp_path / "mine.zip"

    return SimpleNamespace(name="mine", is_running=False, zip_of_model=zip_of_model)


def test_the_files_of_a_trained_model_are_one_zip(open_client, run):
    answer = open_client({"testclient": run}).get("/api/models/mine/files")
    assert (answer.status_code, answer.content) == (200, b"zip")
    assert 'filename="mine.zip"' in answer.headers["content-disposition"]


@pytest.mark.parametrize("case", ["other client", "other name", "in training"])
def test_other_models_cannot_be_downloaded(open_client, run, case):
    run.is_running = case == "in training"
    client = open_client({"other" if case == "other client" else "testclient": run})
    name = "photo-x4" if case == "other name" else "mine"
    answer = client.get(f"/api/models/{name}/files")
    assert (answer.status_code, answer.json()["code"]) == (404, "E_NOT_FOUND")
