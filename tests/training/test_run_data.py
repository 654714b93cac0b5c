"""`data.json` of a run: the model that it started from, and the commit."""

import hashlib
import json

import numpy as np
from safetensors.numpy import save_file

from srgan_gp.training.run_data import read_data, save_data


def test_the_model_to_start_from_is_recorded_until_there_is_a_checkpoint(pictures, tmp_path):
    run, model = tmp_path / "run", tmp_path / "model.safetensors"
    (run / "checkpoints").mkdir(parents=True)
    save_file({"weight": np.zeros(1)}, model)
    start = {"name": "model", "sha256": hashlib.sha256(model.read_bytes()).hexdigest()}
    save_data([str(pictures)], None, run)
    save_data([str(pictures)], None, run, model)
    assert read_data(run)["start_from"] == start
    (run / "checkpoints" / "image-000000016.json").touch()
    save_data([str(pictures)], None, run, tmp_path / "other.onnx")
    assert read_data(run)["start_from"] == start
    (run / "data.json").unlink()
    save_data([str(pictures)], None, run, model)
    assert "start_from" not in read_data(run)


def test_the_commit_is_that_of_the_start_whose_checkpoint_is_resumed(pictures, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    save_data([str(pictures)], None, tmp_path)
    present = read_data(tmp_path)["commit"]

    def commit_after(earlier):
        (tmp_path / "data.json").write_text(json.dumps({"commit": earlier}))
        save_data([str(pictures)], None, tmp_path)
        return read_data(tmp_path)["commit"]

    assert commit_after("0" * 40) == present  # the run starts anew
    (tmp_path / "checkpoints" / "image-000000016.json").touch()
    assert commit_after("0" * 40) == "0" * 40
