import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from srgan_gp.cli import main
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.evaluation import evaluate_faces as module
from srgan_gp.evaluation.evaluate_faces import (
    NO_NETWORK,
    blur_faces,
    evaluate_faces,
    is_face_model,
    repeat_mean_face,
)
from srgan_gp.evaluation.face_scores import FaceScorer
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.losses.features import Features

BARE = {"feature_weights": NO_NETWORK, "detector": NO_NETWORK}


@pytest.fixture
def face_folders(tmp_path, rng, waves):
    """Folders of 24 training and 10 validation faces, and the training faces."""
    train = waves(rng, 24)
    for name, faces in (("train", train), ("validation", waves(rng, 10))):
        (tmp_path / name).mkdir()
        for index, face in enumerate(faces):
            Image.fromarray(face).save(tmp_path / name / f"{index:02}.png")
    return SimpleNamespace(
        train=str(tmp_path / "train"), validation=str(tmp_path / "validation"), pictures=train
    )


@pytest.fixture
def install(monkeypatch, fake_session):
    """Put a model in place that draws the given pictures, one after the other, again and again."""

    def put(pictures):
        drawn = iter(range(10_000))

        def run(latents):
            numbers = [next(drawn) % len(pictures) for _ in latents]
            return (pictures[numbers].transpose(0, 3, 1, 2) / 255).astype(np.float32)

        info = {"task": "face-generation", "scale": 1, "overlap": None}
        session = fake_session(run=run, latent_size=3, image_size=pictures.shape[1], **info)
        monkeypatch.setattr(module.FaceGenerator, "load", lambda _: FaceGenerator(session))

    return put


@pytest.fixture
def small_networks(monkeypatch):
    """A small feature network in place of SqueezeNet, and a detector that always finds a face."""
    torch.manual_seed(0)
    features = Features(nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU()), (1,), 17)
    features.sha256 = "f" * 64
    detector = SimpleNamespace(detect=lambda pixels: [pixels], file=None)
    maps = SimpleNamespace(features=lambda faces: faces.mean((1, 2)), sha256="d" * 64)
    monkeypatch.setattr(Features, "load", lambda *_, **__: features)
    monkeypatch.setattr(module.FaceDetector, "load", lambda _: detector)
    monkeypatch.setattr(module.YunetFeatures, "load", lambda *_: maps)


def test_the_mean_face_replaces_each():
    faces = (
        np.array([[10, 20, 30], [20, 31, 50]], np.uint8)[:, None, None].repeat(2, 1).repeat(2, 2)
    )
    np.testing.assert_array_equal(repeat_mean_face(faces), np.full((2, 2, 2, 3), [15, 26, 40]))


def test_blurred_faces_keep_their_means_over_blocks_and_lose_what_is_finer():
    board = np.where(np.indices((64, 64)).sum(0) % 2, 200, 100).astype(np.uint8)
    faces = np.stack([board, np.full_like(board, 60)])[..., None].repeat(3, -1)
    found = blur_faces(faces)
    assert found.shape == faces.shape
    np.testing.assert_array_equal(found[0], 150)
    np.testing.assert_array_equal(found[1], 60)


@pytest.mark.usefixtures("small_networks")
def test_a_model_is_compared_with_three_baselines(rng, waves, install, face_folders):
    install(waves(rng, 10))
    reported = []
    scores = evaluate_faces(
        "any", face_folders.validation, train_data=[face_folders.train], report=reported.append
    )
    names = [baseline.name for baseline in scores.baselines]
    assert names == ["real, training", "mean face", "real at 16 px"]
    assert (scores.count, scores.image_size) == (24, 32)
    assert [each.count for each in (scores.model, *scores.baselines)] == [24] * 4
    assert (scores.validation.count, scores.paired_count, scores.half) == (10, 10, "all")
    assert None not in scores.model.by_name().values()
    real, mean, coarse = scores.baselines
    assert real.kid_squeeze < mean.kid_squeeze
    for metric in ("fd_yunet", "fd_hog", "fd_pca"):
        assert getattr(real, metric) < getattr(mean, metric)
    assert real.by_name()["swd"] < coarse.by_name()["swd"] < mean.by_name()["swd"]
    assert mean.pairwise_distance == pytest.approx(0, abs=1e-6)
    assert scores.relative() == pytest.approx({"diversity": 1, "one_face": 1}, rel=0.3)
    assert (scores.feature_network, scores.detector) == ("f" * 64, "d" * 64)
    assert any("24 training faces" in line for line in reported)


def test_a_generator_that_repeats_its_training_faces_is_caught(rng, waves, install, face_folders):
    train = [face_folders.train]
    noisy = face_folders.pictures + rng.normal(0, 8, face_folders.pictures.shape)
    install(noisy.clip(0, 255).astype(np.uint8)[:, :, ::-1])  # mirrored, with noise
    assert evaluate_faces("any", face_folders.validation, train_data=train, **BARE).is_memorising
    install(waves(rng, 10))
    scores = evaluate_faces("any", face_folders.validation, train_data=train, **BARE)
    assert scores.memorisation == pytest.approx(1, abs=0.4)
    assert not scores.is_memorising


def test_all_training_faces_are_compared_with_and_not_only_those_drawn(
    install, face_folders, monkeypatch
):
    monkeypatch.setattr(module, "_AT_ONCE", 5)
    for index in (0, 13, 23):
        install(face_folders.pictures[index : index + 1])
        scores = evaluate_faces(
            "any", face_folders.validation, train_data=[face_folders.train], count=2, **BARE
        )
        assert scores.memorisation == pytest.approx(0, abs=1e-3)
        assert (scores.count, scores.paired_count) == (2, 2)


@pytest.mark.parametrize("length", [9, 700])  # of the header, and of the pixels
@pytest.mark.parametrize("count", [None, 4])
def test_damaged_faces_are_skipped(rng, waves, install, face_folders, length, count):
    """A damaged face that would be drawn for the baseline is replaced by another one."""
    train, validation = Path(face_folders.train), Path(face_folders.validation)
    damaged = [validation / "03.png", *(train / f"{index:02}.png" for index in range(0, 24, 2))]
    for path in damaged:
        assert path.stat().st_size > 700
        path.write_bytes(path.read_bytes()[:length])
    install(waves(rng, 4))
    places = {"train_data": [str(train)], "count": count}
    scores = evaluate_faces("any", str(validation), **places, **BARE)
    assert {image.name for image in scores.skipped} == {str(path) for path in damaged}
    assert len(scores.skipped) == 13
    assert (scores.validation.count, scores.count) == (9, count or 12)
    assert scores.baselines[0].count == (count or 12)
    for path in damaged:
        path.unlink()
    rest = evaluate_faces("any", str(validation), **places, **BARE)
    assert (rest.skipped, rest.baselines[0].count) == ((), count or 12)
    assert scores.memorisation == pytest.approx(rest.memorisation, abs=0.5)


@pytest.mark.parametrize("kind", ["train", "validation"])
def test_a_set_without_a_readable_face_is_named(install, face_folders, kind):
    install(face_folders.pictures)
    folder = getattr(face_folders, kind)
    for path in Path(folder).iterdir():
        path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(PictureError, match=f"No image in {folder} can be read; the first is "):
        evaluate_faces("any", face_folders.validation, train_data=[face_folders.train], **BARE)


def test_more_training_faces_than_can_be_read_are_refused(install, face_folders):
    install(face_folders.pictures)
    path = Path(face_folders.train) / "07.png"
    path.write_bytes(path.read_bytes()[:700])
    (Path(face_folders.validation) / "03.png").write_bytes(b"no image")
    message = "24 generated and 9 validation faces .* there are 23 training faces"
    with pytest.raises(UsageError, match=message):
        evaluate_faces(
            "any", face_folders.validation, train_data=[face_folders.train], count=24, **BARE
        )


def test_a_refusal_counts_the_training_faces_that_can_be_read(install, face_folders):
    install(face_folders.pictures)
    for path in sorted(Path(face_folders.train).iterdir())[1:]:
        path.write_bytes(path.read_bytes()[:700])
    message = "1 generated and 10 validation faces .* there is 1 training face\\."
    with pytest.raises(UsageError, match=message):
        evaluate_faces("any", face_folders.validation, train_data=[face_folders.train], **BARE)


def test_without_training_faces_two_baselines_are_left_and_no_check(
    rng, waves, install, face_folders
):
    install(waves(rng, 4))
    scores = evaluate_faces("any", face_folders.validation, **BARE)
    assert [baseline.name for baseline in scores.baselines] == ["mean face", "real at 16 px"]
    assert scores.memorisation is scores.feature_network is scores.detector is None
    assert scores.count == 1024
    assert scores.model.swd is not None


def test_the_same_call_gives_the_same_scores(tiny_face_model, tmp_path, rng):
    for index in range(5):
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    path = str(tiny_face_model(tmp_path.name))
    one, other = (evaluate_faces(path, str(tmp_path), **BARE) for _ in range(2))
    assert one == other


def test_training_faces_are_refused_as_validation_faces(install, face_folders):
    install(face_folders.pictures)
    with pytest.raises(UsageError, match="memorisation cannot be measured"):
        evaluate_faces("any", face_folders.train, train_data=[face_folders.train], **BARE)


@pytest.mark.parametrize("count", [1, 25])
def test_sets_that_cannot_be_are_refused(install, face_folders, count):
    install(face_folders.pictures)
    train = [face_folders.train]
    match = f"Sets of {count} generated and 10 validation faces .* 24 training faces"
    with pytest.raises(UsageError, match=match):
        evaluate_faces("any", face_folders.validation, train_data=train, count=count, **BARE)


def test_reports_use_one_half_and_never_the_half_that_chooses(
    rng, waves, install, face_folders, monkeypatch
):
    monkeypatch.setattr("srgan_gp.data.validation_halves.FEWEST_TO_SPLIT", 10)
    seen = []

    def scorer(real, *others):
        seen.append(real)
        return FaceScorer(real, *others)

    monkeypatch.setattr(module, "FaceScorer", scorer)
    install(waves(rng, 10))
    halves = {}
    for half in ("report", "choice", "all"):
        scores = evaluate_faces("any", face_folders.validation, half=half, count=4, **BARE)
        halves[half] = {face.tobytes() for face in seen.pop()}
        assert (scores.half, scores.validation.count) == (half, 10 if half == "all" else 5)
    assert not halves["report"] & halves["choice"]
    assert halves["report"] | halves["choice"] == halves["all"]
    assert len(halves["all"]) == 10


def test_the_truncation_reaches_the_generator(install, face_folders, monkeypatch):
    install(face_folders.pictures)
    asked = []

    def latents(self, seeds, *, truncation):
        asked.append(truncation)
        return np.zeros((len(seeds), 3), np.float32)

    monkeypatch.setattr(FaceGenerator, "latents", latents)
    scores = evaluate_faces("any", face_folders.validation, count=2, truncation=0.7, **BARE)
    assert asked == [scores.truncation] == [0.7]


def test_faces_smaller_than_the_models_are_refused(install, face_folders):
    install(face_folders.pictures.repeat(2, 1).repeat(2, 2))
    with pytest.raises(UsageError, match="10 of 10 images have a side below 64"):
        evaluate_faces("any", face_folders.validation, **BARE)


def test_the_task_is_on_the_card_or_in_the_file(tiny_face_model, tiny_model, onnx_models):
    assert is_face_model(str(tiny_face_model()))
    path = tiny_model()
    assert not is_face_model(str(path))
    onnx_models.write_card(path)
    path.write_bytes(b"not looked into")
    assert not is_face_model(str(path))


def test_the_command_prints_every_set_and_the_verdict(tiny_face_model, tmp_path, rng, capsys):
    for folder, count in (("seen", 6), ("unseen", 4)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{index}.png")
    words = ["evaluate", str(tiny_face_model()), "--data", str(tmp_path / "unseen")]
    words += ["--train-data", str(tmp_path / "seen"), "--count", "3"]
    words += ["--feature-weights", "none", "--detector", "none"]
    assert main([*words, "--json"]) == 0
    shown = capsys.readouterr()
    values = json.loads(shown.out, parse_constant=pytest.fail)
    assert "warning: 4 validation faces are few. " in shown.err
    assert values["warning"].startswith("warning: 4 validation faces are few. ")
    assert (values["count"], values["image_size"]) == (3, 8)
    assert values["baselines"][0]["name"] == "real, training"
    assert values["is_memorising"] is False
    assert main(words) == 0
    shown = capsys.readouterr()
    first, directions, *_, last, warning = shown.out.splitlines()
    assert first == (
        f"tiny-faces on {tmp_path / 'unseen'}: 3 generated faces of 8 x 8, truncation 1, against 4 "
        "validation faces (all); squeeze and SWD: 3 of each"
    )
    numbers = "equal numbers of faces: here 3 generated (--count 3) and 4 validation faces (all)"
    assert any(line.endswith(numbers) for line in shown.out.splitlines())
    assert warning.endswith(" on the same faces, with the same number of generated faces.")
    assert last == f"novelty {values['memorisation']:.4f}: no sign of memorisation"
    assert directions.endswith("better if near 1: border ratio, novelty")
    assert warning.startswith("* warning: 4 validation faces are few. ")
    assert not any(line.endswith(": ") for line in shown.out.splitlines())
    assert "6 training faces" in shown.err


def test_the_command_names_damaged_faces(tiny_face_model, tmp_path, rng, capsys):
    for index in range(4):
        pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    (tmp_path / "2.png").write_bytes(b"")
    words = ["evaluate", str(tiny_face_model()), "--data", str(tmp_path), "--count", "3"]
    words += ["--feature-weights", "none", "--detector", "none"]
    assert main([*words, "--json"]) == 3
    [skipped] = json.loads(capsys.readouterr().out)["skipped"]
    assert (skipped["name"], skipped["code"]) == (str(tmp_path / "2.png"), "E_NOT_AN_IMAGE")
    assert main(words) == 3
    shown = capsys.readouterr()
    assert "against 3 validation faces (all)" in shown.out
    assert "1 image could not be read: the scores are of the others" in shown.out.splitlines()
    assert f"{tmp_path / '2.png'}: " in shown.err
    assert shown.err.endswith("1 image could not be read, and the scores are without them.\n")


@pytest.mark.parametrize(
    ("kind", "option"),
    [("faces", "--scale 2"), ("faces", "--low-res cv2"), ("faces", "--fidelity 0.5"),
     ("pictures", "--trunc 1"), ("pictures", "--validation-half all"),
     ("pictures", "--count 5"), ("pictures", "--train-data x"), ("pictures", "--detector x")],
)  # fmt: skip
def test_an_option_of_the_other_kind_of_model_is_refused(
    tiny_face_model, tiny_model, pictures, capsys, kind, option
):
    model = tiny_face_model() if kind == "faces" else tiny_model()
    words = ["evaluate", str(model), "--data", str(pictures), *option.split()]
    assert main(words) == 2
    message = capsys.readouterr().err
    assert option.split()[0] in message
    assert ("generates faces" if kind == "faces" else "upscales images") in message


@pytest.mark.parametrize("kind", [str, Path])
def test_none_skips_the_networks(install, face_folders, kind):
    install(face_folders.pictures)
    networks = {"feature_weights": kind("none"), "detector": kind("none")}
    scores = evaluate_faces("any", face_folders.validation, **networks)
    assert (scores.feature_network, scores.detector) == (None, None)


def test_a_detector_that_is_missing_is_named(install, face_folders):
    install(face_folders.pictures)
    with pytest.raises(UsageError, match=r"face detector missing\.onnx does not exist"):
        evaluate_faces(
            "any",
            face_folders.validation,
            feature_weights=NO_NETWORK,
            detector=Path("missing.onnx"),
        )
