import json
import threading

import pytest

from srgan_gp.errors import Cancelled, DeviceError, ModelRefusedError, UsageError
from srgan_gp.inference import ort_engine
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import UPSCALING
from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.jobs.loaded_models import (
    LoadedModels,
    cards_for,
    choose_face_model,
    require_known,
)
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings


@pytest.fixture
def loads(models, tiny_model, onnx_models, monkeypatch):
    """Install five more models; returns the list of loaded names."""
    for number in range(5):
        onnx_models.write_card(tiny_model(f"tiny{number}"))
    loaded, load = [], Upscaler.load

    def recording_load(name, **options):
        loaded.append(name)
        return load(name, **options)

    monkeypatch.setattr(Upscaler, "load", recording_load)
    return loaded


@pytest.fixture
def loader(models):
    return LoadedModels("cpu", 1)


def take(loader, *names):
    for name in names:
        with loader.upscaler(name, None, Cancellation()) as upscaler:
            assert upscaler.name == name


def test_default_model_is_checked_without_loading_it_on_the_cpu(loader, loads):
    loader.check_default("tiny")
    assert loads == []


@pytest.mark.parametrize(
    ("name", "device", "error", "message"),
    [
        ("nosuch", "cpu", ModelRefusedError, r"Unknown model 'nosuch'. Known models: .*tiny"),
        ("a/my.onnx", "cpu", ModelRefusedError, r"import a/my.onnx --name NAME` first, and pass"),
        ("tiny-faces", "cpu", ModelRefusedError, r"face-generation and cannot upscale\. .*tiny"),
        ("tiny", "gpu", UsageError, r"no device 'gpu'; choose auto"),
        (
            "tiny",
            "cuda:1",
            DeviceError,
            r"cuda:1 cannot be used: it is gone\. Choose the device",
        ),
    ],
    ids=lambda value: str(value),
)
def test_unusable_default_model_or_device_is_refused(
    models, monkeypatch, name, device, error, message
):
    monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: "it is gone")
    with pytest.raises(error, match=message):
        LoadedModels(device, 1).check_default(name)


def test_requested_gpu_is_checked_by_loading_the_default_model(loads, monkeypatch):
    loader, load = LoadedModels("cuda", 1), Upscaler.load
    monkeypatch.setattr(Upscaler, "load", lambda name, **options: load(name, device="cpu"))
    loader.check_default("tiny")
    take(loader, "tiny")
    assert loads == ["tiny"]


def test_model_is_loaded_once(loader, loads):
    take(loader, "tiny0", "tiny1", "tiny0", "tiny1")
    assert loads == ["tiny0", "tiny1"]


def test_least_recently_used_model_is_dropped(loader, loads):
    take(loader, "tiny0", "tiny1", "tiny2", "tiny3", "tiny0", "tiny4")
    assert loads == ["tiny0", "tiny1", "tiny2", "tiny3", "tiny4"]
    take(loader, "tiny0", "tiny1")
    assert loads[5:] == ["tiny1"]


def test_one_model_runs_at_a_time_and_waiting_jobs_can_be_cancelled(loader):
    cancellation = Cancellation()
    with loader.upscaler("tiny", None, Cancellation()):
        threading.Timer(0.1, cancellation.cancel).start()
        with pytest.raises(Cancelled), loader.face_generator("tiny-faces", cancellation):
            pass
    with loader.face_generator("tiny-faces", Cancellation()) as faces:
        assert faces.image_size == 8


def test_device_is_released_after_an_error(loader):
    with pytest.raises(ZeroDivisionError), loader.upscaler("tiny", None, Cancellation()):
        1 / 0  # noqa: B018
    take(loader, "tiny")


def test_a_model_with_an_invalid_card_is_unknown(models, loader):
    card = models / "tiny.toml"
    card.write_text(card.read_text() + "\nnot toml")
    with pytest.raises(UsageError, match=r"^Unknown model 'tiny'\."):
        take(loader, "tiny")


def test_model_of_another_task_is_refused(loader):
    refused = pytest.raises(UsageError, match=r"for another task\. Choose one of")
    with refused, loader.upscaler("tiny-faces", None, Cancellation()):
        pass
    with refused, loader.face_generator("tiny", Cancellation()):
        pass


@pytest.mark.parametrize("name", ["", ".", "tiny.onnx", "../tiny", "/etc/passwd", "Tiny", "tiny\0"])
def test_unknown_model_name_is_refused(models, name):
    with pytest.raises(UsageError, match="Unknown model"):
        require_known(name, UPSCALING)


def test_invalid_card_of_another_model_is_ignored(loader, models):
    (models / "broken.toml").write_text("not a card")
    take(loader, "tiny")
    loader.check_default("tiny")
    assert "tiny" in [card.name for card in cards_for("super-resolution")]


@pytest.fixture
def imported(models, tiny_model, onnx_models):
    """Install an imported model; returns its name."""
    card = onnx_models.write_card(tiny_model("community"))
    record = {
        "file": "theirs.pth", "sha256": "0" * 64, "tiling": "exact", "tiling_difference": 0.0,
        "seconds_per_megapixel": 1.0, "measured_on": "a test", "has_float16": True,
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in record.items()]
    card.write_text("\n".join([card.read_text(), "[imported]", *lines]))
    return "community"


def test_an_imported_model_is_hidden_until_the_operator_names_it(models, imported):
    assert imported not in [card.name for card in cards_for(UPSCALING)]
    loader = LoadedModels("cpu", 1)
    with pytest.raises(UsageError, match="Unknown model 'community'"):
        take(loader, imported)
    assert imported in [card.name for card in cards_for(UPSCALING, (imported,))]
    take(LoadedModels("cpu", 1, (imported,)), imported)


@pytest.mark.parametrize("named", [{"model": "community"}, {"offer": ("community",)}])
def test_a_server_offers_the_imported_models_of_its_options(models, imported, named, tmp_path):
    hidden = Service(ServerSettings(folder=tmp_path))
    offering = Service(ServerSettings(folder=tmp_path, **named))
    try:
        assert imported not in [card.name for card in hidden.upscaling_models()]
        assert imported in [card.name for card in offering.upscaling_models()]
        offering.check_default_model()
    finally:
        hidden.close()
        offering.close()


def test_an_offered_model_that_is_missing_is_reported_at_the_start(models):
    with pytest.raises(ModelRefusedError, match="Unknown model 'missing'"):
        LoadedModels("cpu", 1, ("missing",)).check_default("tiny")


def test_first_face_model_is_the_default(models):
    assert choose_face_model("mine") == "mine"
    assert choose_face_model(None) == cards_for("face-generation")[0].name


def test_missing_face_model_is_reported(models, monkeypatch):
    monkeypatch.setattr("srgan_gp.serving.jobs.loaded_models.list_models", lambda **_: [])
    with pytest.raises(UsageError, match="No face model is installed"):
        choose_face_model(None)
