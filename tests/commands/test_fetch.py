import hashlib
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

from srgan_gp.cli import main
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import Features
from srgan_gp.models import helper_networks
from srgan_gp.models.helper_networks import FACE_DETECTOR, HELPERS, SQUEEZENET


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """The user's folder of models, which does not exist yet."""
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A file that counts as a face detector; returns its path."""
    path = tmp_path / "face_detection_yunet_2026may.onnx"
    path.write_bytes(b"a network")
    sha256 = hashlib.sha256(b"a network").hexdigest()
    monkeypatch.setitem(
        HELPERS, "face-detector", replace(FACE_DETECTOR, name_by_sha256={sha256: "yunet.onnx"})
    )
    return path


def test_a_known_file_is_installed_and_its_licence_is_shown(known, models, capsys):
    assert main(["fetch", "face-detector", "--from", str(known)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{models / 'yunet.onnx'}\n"
    assert "Licence: " in printed.err
    assert (models / "yunet.onnx").read_bytes() == b"a network"
    assert main(["fetch", "face-detector", "--from", str(known)]) == 0  # again
    capsys.readouterr()
    assert main(["fetch", "face-detector"]) == 0
    assert "is installed already" in capsys.readouterr().err


def test_another_file_is_refused_and_nothing_is_written(known, models, tmp_path, capsys):
    known.write_bytes(b"another network")
    assert main(["fetch", "face-detector", "--from", str(known)]) == 8
    assert hashlib.sha256(b"another network").hexdigest() in capsys.readouterr().err
    assert not models.exists()


def test_the_file_of_the_other_network_is_named_with_its_command(known, models, tmp_path, capsys):
    assert main(["fetch", "feature-network", "--from", str(known)]) == 8
    said = capsys.readouterr().err
    assert "is YuNet" in said and "not known to work" not in said
    assert "is YuNet, not SqueezeNet 1.1; nothing was installed." in said
    assert f"To install YuNet: srgan-gp fetch face-detector --from {known}. " in said
    assert "To install SqueezeNet 1.1: `srgan-gp fetch feature-network` downloads" in said
    assert "downloads it" not in said
    assert not models.exists()


def test_a_file_of_the_user_is_not_replaced(known, models, capsys):
    models.mkdir()
    (models / "yunet.onnx").write_bytes(b"of the user")
    assert main(["fetch", "face-detector", "--from", str(known)]) == 2
    assert "is another file" in capsys.readouterr().err
    assert (models / "yunet.onnx").read_bytes() == b"of the user"


def test_without_an_address_the_message_says_where_to_look(models, capsys):
    assert main(["fetch", "face-detector"]) == 2
    error = capsys.readouterr().err
    for part in (
        "cannot download YuNet itself",
        "github.com/opencv/opencv_zoo",
        "104ee26c71d5c270",
        str(models),
        "--from FILE",
    ):
        assert part in error
    assert error.count("\n") == 1


def test_without_a_name_the_networks_are_listed(known, models, capsys):
    assert main(["fetch", "face-detector", "--from", str(known)]) == 0
    capsys.readouterr()
    assert main(["fetch"]) == 0
    detector, features = capsys.readouterr().out.splitlines()
    assert detector.startswith("face-detector: finds faces in photos")
    assert detector.endswith(f"Installed: {models / 'yunet.onnx'}")
    assert features.startswith("feature-network: compares images")
    assert "Not installed. `srgan-gp fetch feature-network` downloads SqueezeNet 1.1." in features


def test_a_source_needs_the_name_of_a_network(known, capsys):
    assert main(["fetch", "--from", str(known)]) == 2
    assert "face-detector or feature-network" in capsys.readouterr().err


def test_offline_one_message_has_file_hash_and_folder(models, monkeypatch, capsys):
    def fail(url, _max_bytes):
        raise UsageError(f"{url} cannot be downloaded: no route to host.")

    monkeypatch.setattr(helper_networks, "download", fail)
    assert main(["fetch", "feature-network"]) == 2
    error = capsys.readouterr().err
    for part in ("squeezenet1_1-b8a52dc0.pth", "b8a52dc0...", str(models), "--from FILE"):
        assert part in error
    assert error.count("\n") == 1
    assert not models.exists()


def test_the_address_is_that_of_torchvision():
    url = SqueezeNet1_1_Weights.IMAGENET1K_V1.url
    assert SQUEEZENET.source == url
    assert SQUEEZENET.name_for("b8a52dc0" + "0" * 56) == url.rpartition("/")[2]


@pytest.mark.parametrize("name", ["yunet.onnx", "face_detection_yunet_2026may.onnx"])
def test_a_detector_is_found_under_both_names(models, name):
    assert FACE_DETECTOR.installed() is None
    models.mkdir()
    (models / name).touch()
    assert FACE_DETECTOR.installed() == models / name


def test_nothing_is_downloaded_by_other_commands(models, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_: pytest.fail("a download"))
    with pytest.raises(UsageError, match="srgan-gp fetch feature-network"):
        Features.load("squeeze")


def test_an_installed_feature_network_is_used(models):
    models.mkdir()
    path = models / "squeezenet1_1-b8a52dc0.pth"
    torch.save(squeezenet1_1(weights=None).state_dict(), path)
    assert SQUEEZENET.installed() == path
    assert Features.load("squeeze").sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_evaluate_names_its_option_for_a_missing_feature_network(
    models, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    assert main(["evaluate", "bicubic", "--data", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert printed.endswith(
        "Or pass --feature-weights FILE; to skip its scores, pass --feature-weights none.\n"
    )
