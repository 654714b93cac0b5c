"""Tests of a server in a separate process, with concurrent users and a signal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from srgan_gp.cli import main
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def models(tmp_path, onnx_models):
    """Install `tiny`, which repeats each pixel 4 x 4 times; returns its directory."""
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "tiny.onnx"
    metadata = {"name": "tiny", "scale": "4", "overlap": "0"}
    tiny = onnx_models.with_metadata(onnx_models.repeating(), **metadata)
    path.write_bytes(tiny.SerializeToString())
    onnx_models.write_card(path, scale=4)
    return folder


def test_benchmark_with_concurrent_users_a_bomb_and_a_signal(models):
    """Runs the benchmark at its smallest size; checks values that hold on any machine."""
    done = subprocess.run(
        [sys.executable, SCRIPTS / "benchmark.py", "app", "--json", "--model", "tiny",
         "--users", "6", "--side", "64", "--jobs", "4", "--threads", "1"],
        env=os.environ | {"SRGAN_GP_MODELS": str(models)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    values = json.loads(done.stdout)
    assert values["uploads_accepted"] == values["results"] == 6
    assert values["wrong_owners"] == 0
    assert values["torch_is_loaded"] is False
    assert values["bomb_status"] == 422
    assert values["bomb_memory_mib"] < 64
    assert values["files_left_by_disconnected_clients"] == 0
    assert values["delivered"] == 4
    assert values["cut_off"] == values["lost"] == 0
    assert values["files_left_at_the_end"] == 0
    assert values["exit_code"] == 0
    assert "Traceback" not in done.stderr


def test_api_result_is_identical_to_that_of_the_command_line(
    models, tmp_path, monkeypatch, tiny_image
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(models))
    picture, expected = tmp_path / "in.png", tmp_path / "out.webp"
    Image.fromarray(tiny_image).save(picture)
    options = ["-n", "tiny", "-s", "3", "-q", "70", "--device", "cpu", "--threads", "1"]
    assert main(["upscale", str(picture), "-o", str(expected), "--strip-metadata", *options]) == 0
    settings = ServerSettings(device="cpu", threads=1, model="tiny", folder=tmp_path)
    service = Service(settings)
    try:
        app = guard(build_app(service), settings)[0]
        client = TestClient(app, base_url="http://localhost")
        response = client.post(
            "/api/upscale",
            data={"scale": 3, "quality": 70, "format": "webp"},
            files={"picture": ("in.png", picture.read_bytes())},
        )
    finally:
        service.close()
    assert response.status_code == 200, response.text
    assert response.content == expected.read_bytes()
    report = json.loads(response.headers["x-report"])
    assert report["size"] == [17, 12]
    assert report["result_size"] == [51, 36]
