"""A whole server in a process of its own, as a visitor, a crowd and a signal meet it."""

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
    """Write `tiny`, which repeats pixels four times each way; gives its folder."""
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "tiny.onnx"
    about = {"name": "tiny", "scale": "4", "overlap": "0"}
    tiny = onnx_models.with_metadata(onnx_models.repeating(), **about)
    path.write_bytes(tiny.SerializeToString())
    onnx_models.write_card(path, scale=4)
    return folder


def test_a_crowd_a_bomb_and_a_signal(models):
    """The benchmark at its smallest; its figures are those that hold on any machine."""
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
    assert values["files_left_at_the_end"] == 0
    assert values["exit_code"] == 0
    assert "Traceback" not in done.stderr


def test_the_api_gives_the_bytes_of_the_command_line(models, tmp_path, monkeypatch, tiny_image):
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
        answer = client.post(
            "/api/upscale",
            data={"scale": 3, "quality": 70, "format": "webp"},
            files={"picture": ("in.png", picture.read_bytes())},
        )
    finally:
        service.close()
    assert answer.status_code == 200, answer.text
    assert answer.content == expected.read_bytes()
    report = json.loads(answer.headers["x-report"])
    assert report["size"] == [17, 12]
    assert report["result_size"] == [51, 36]
