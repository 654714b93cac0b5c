import threading

import pytest

from srgan_gp.errors import Cancelled, DeviceError, ModelRefusedError, UsageError
from srgan_gp.inference import session
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.serving.jobs.job_cancellation import Stopper
from srgan_gp.serving.jobs.loaded_models import (
    LoadedModels,
    cards_for,
    check_known,
    default_face_model,
)


@pytest.fixture
def loads(models, tiny_model, onnx_models, monkeypatch):
    """Install five more models; gives the list of what is loaded."""
    for number in range(5):
        onnx_models.write_card(tiny_model(f"tiny{number}"))
    loaded, load = [], Upscaler.load

    def noted(name, **options):
        loaded.append(name)
        return load(name, **options)

    monkeypatch.setattr(Upscaler, "load", noted)
    return loaded


@pytest.fixture
def loader(models):
    return LoadedModels("cpu", 1)


def take(loader, *names):
    for name in names:
        with loader.upscaler(name, None, Stopper()) as upscaler:
            assert upscaler.name == name


def test_what_requests_without_a_model_need_is_proved_without_loading_it(loader, loads):
    loader.prove("tiny")
    assert loads == []


@pytest.mark.parametrize(
    ("name", "device", "error", "words"),
    [
        ("nosuch", "cpu", ModelRefusedError, r"There is no model 'nosuch'; known: .*tiny"),
        ("tiny-faces", "cpu", ModelRefusedError, r"face-generation and enlarges nothing; .*tiny"),
        ("tiny", "gpu", UsageError, r"no device 'gpu'; choose auto"),
        ("tiny", "cuda:1", DeviceError, r"cuda:1 cannot be used: it is gone\. Pass --device cpu"),
    ],
    ids=lambda value: str(value),
)
def test_what_no_request_could_use_is_refused(models, monkeypatch, name, device, error, words):
    monkeypatch.setattr(session, "why_no_gpu", lambda index: "it is gone")
    with pytest.raises(error, match=words):
        LoadedModels(device, 1).prove(name)


def test_a_gpu_that_was_asked_for_is_proved_by_the_model_that_stays(loads, monkeypatch):
    loader, load = LoadedModels("cuda", 1), Upscaler.load
    monkeypatch.setattr(Upscaler, "load", lambda name, **words: load(name, device="cpu"))
    loader.prove("tiny")
    take(loader, "tiny")
    assert loads == ["tiny"]


def test_a_model_is_loaded_once(loader, loads):
    take(loader, "tiny0", "tiny1", "tiny0", "tiny1")
    assert loads == ["tiny0", "tiny1"]


def test_of_many_models_those_used_last_are_kept(loader, loads):
    take(loader, "tiny0", "tiny1", "tiny2", "tiny3", "tiny0", "tiny4")
    assert loads == ["tiny0", "tiny1", "tiny2", "tiny3", "tiny4"]
    take(loader, "tiny0", "tiny1")
    assert loads[5:] == ["tiny1"]


def test_one_network_is_at_work_at_a_time_and_who_waits_can_be_cancelled(loader):
    stopper = Stopper()
    with loader.upscaler("tiny", None, Stopper()):
        threading.Timer(0.1, stopper.stop).start()
        with pytest.raises(Cancelled), loader.faces("tiny-faces", stopper):
            pass
    with loader.faces("tiny-faces", Stopper()) as faces:
        assert faces.image_size == 8


def test_the_device_is_free_again_after_an_error(loader):
    with pytest.raises(ZeroDivisionError), loader.upscaler("tiny", None, Stopper()):
        1 / 0  # noqa: B018
    take(loader, "tiny")


def test_a_model_is_used_for_its_own_task_alone(loader):
    with pytest.raises(ModelRefusedError), loader.upscaler("tiny-faces", None, Stopper()):
        pass
    with pytest.raises(ModelRefusedError), loader.faces("tiny", Stopper()):
        pass


@pytest.mark.parametrize("name", ["", ".", "tiny.onnx", "../tiny", "/etc/passwd", "Tiny", "tiny\0"])
def test_what_is_no_name_is_refused(models, name):
    with pytest.raises(UsageError, match="There is no model"):
        check_known(name)


def test_a_broken_card_of_another_model_stops_nothing(loader, models):
    (models / "broken.toml").write_text("no card")
    take(loader, "tiny")
    loader.prove("tiny")
    assert "tiny" in [card.name for card in cards_for("super-resolution")]


def test_the_first_model_of_faces_is_the_default(models):
    assert default_face_model("mine") == "mine"
    assert default_face_model(None) == cards_for("face-generation")[0].name


def test_without_a_model_of_faces_one_sentence_says_so(models, monkeypatch):
    monkeypatch.setattr("srgan_gp.serving.jobs.loaded_models.list_models", lambda **_: [])
    with pytest.raises(UsageError, match="No model that draws faces is installed"):
        default_face_model(None)
