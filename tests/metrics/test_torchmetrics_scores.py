"""LPIPS, FID and KID of torchmetrics, with random weights in place of the downloaded ones."""

import hashlib
import io
import json
import sys

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch_fidelity import feature_extractor_inceptionv3 as inception
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity, lpips

from srgan_gp.cli import main
from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.metrics import torchmetrics_scores as scores
from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScorer, Weights, fetch_weights


def stub_file():
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, file)
    return file.getvalue()


STUB = stub_file()
START = hashlib.sha256(STUB).hexdigest()[:8]
URL = f"https://example.org/weights-{START}.pth"


@pytest.fixture(scope="module")
def random_alexnet():
    torch.manual_seed(0)
    return torchvision.models.alexnet(weights=None).features


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of PyTorch."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def stubs(cache, monkeypatch, random_alexnet):
    """Networks with random weights, and small files in the cache in place of theirs."""
    stub = Weights(URL, START, 1_000_000)
    monkeypatch.setattr(scores, "WEIGHTS", dict.fromkeys(scores.CLASSES, stub))
    cache.mkdir(parents=True)
    stub.path.write_bytes(STUB)
    monkeypatch.setattr(lpips, "_get_tv_model_features", lambda *_: random_alexnet)
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})

    def seeded(self, state):
        torch.manual_seed(0)
        for parameter in self.parameters():
            if parameter.dim() > 1:  # the factors of the normalisations stay 1
                torch.nn.init.kaiming_normal_(parameter)

    monkeypatch.setattr(inception.FeatureExtractorInceptionV3, "load_state_dict", seeded)
    return stub


@pytest.fixture
def images(rng):
    """Return two images of 40 x 36 pixels, and noisy copies."""
    clean = rng.integers(0, 256, (2, 10, 9, 3)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    noise = rng.integers(-60, 60, clean.shape)
    return clean, np.clip(clean + noise, 0, 255).astype(np.uint8)


def scored(names, outputs, originals):
    scorer = TorchmetricsScorer(names)
    for output, original in zip(outputs, originals, strict=True):
        scorer.add(output, original)
    return scorer.scores()


@pytest.mark.slow  # FID takes the eigenvalues of a matrix of 2048 x 2048
@pytest.mark.usefixtures("stubs")
def test_equal_images_score_zero_and_noise_scores_more(images):
    clean, noisy = images
    equal = scored(["lpips", "fid"], clean, clean).values
    worse = scored(["lpips", "fid"], noisy, clean).values
    assert equal["LearnedPerceptualImagePatchSimilarity"] == 0
    assert worse["LearnedPerceptualImagePatchSimilarity"] > 0.01
    assert abs(equal["FrechetInceptionDistance"]) < 1e-3 * worse["FrechetInceptionDistance"]


@pytest.mark.usefixtures("stubs")
def test_lpips_is_the_mean_of_what_torchmetrics_returns_for_each_pair(images):
    clean, noisy = images
    found = scored(["lpips"], noisy, clean)
    one_by_one = [
        learned_perceptual_image_patch_similarity(
            *(torch.from_numpy(image.transpose(2, 0, 1)[None] / 255).float() for image in pair),
            normalize=True,
        ).item()
        for pair in zip(noisy, clean, strict=True)
    ]
    assert found.values["LearnedPerceptualImagePatchSimilarity"] == pytest.approx(
        np.mean(one_by_one), rel=1e-5
    )
    assert found.images == 2
    assert found.arguments == {
        "LearnedPerceptualImagePatchSimilarity": "net_type=alex, normalize=True"
    }


@pytest.mark.usefixtures("stubs")
def test_kid_is_repeatable_and_leaves_the_random_numbers_alone(images):
    clean, noisy = images
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    scorer = TorchmetricsScorer(["kid"])
    torch.manual_seed(5)
    scorer.add_sets(noisy, clean)
    first = scorer.scores()
    assert torch.equal(torch.rand(1), expected)
    assert first == scorer.scores()
    assert set(first.values) == {"KernelInceptionDistance mean", "KernelInceptionDistance std"}
    assert first.arguments == {"KernelInceptionDistance": "subset_size=2, seed=0"}


@pytest.mark.usefixtures("stubs")
def test_evaluate_prints_them_apart_and_its_own_scores_stay(pictures, capsys):
    words = ["evaluate", "bicubic", "--data", str(pictures), "--feature-weights", "none"]
    assert main([*words, "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    assert main([*words, "--json", "--metrics", "lpips"]) == 0
    both = json.loads(capsys.readouterr().out)
    found = both.pop("torchmetrics")
    assert own.pop("torchmetrics") is None
    assert both == own
    assert found["images"] == 4
    assert set(found["values"]) == {"LearnedPerceptualImagePatchSimilarity"}
    assert main([*words, "--metrics", "lpips"]) == 0
    *_, title, last = capsys.readouterr().out.splitlines()
    assert title == f"torchmetrics {found['version']}, 4 images, better if lower:"
    value = found["values"]["LearnedPerceptualImagePatchSimilarity"]
    name = "LearnedPerceptualImagePatchSimilarity (net_type=alex, normalize=True)"
    assert last == f"  {name} {value:.4f}"


@pytest.mark.slow
@pytest.mark.usefixtures("stubs")
def test_faces_are_compared_as_sets(tiny_face_model, tmp_path, rng, capsys):
    for number in range(4):
        face = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        face.save(tmp_path / f"{number}.png")
    words = ["evaluate", str(tiny_face_model()), "--data", str(tmp_path), "--count", "6"]
    words += ["--feature-weights", "none", "--detector", "none", "--json", "--metrics", "fid,kid"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)["torchmetrics"]
    assert found["images"] == 4  # as many generated faces as real ones
    assert found["values"]["FrechetInceptionDistance"] > 0
    assert len(found["values"]) == 3


@pytest.fixture
def offline(monkeypatch):
    def refuse(url, max_bytes):
        raise UsageError(f"{url} cannot be downloaded: no network.")

    monkeypatch.setattr(scores, "download", refuse)


@pytest.mark.usefixtures("offline", "cache")
@pytest.mark.parametrize("name", ["lpips", "fid", "kid"])
def test_without_a_connection_one_sentence_says_what_is_missing(name, pictures, cache, capsys):
    words = ["evaluate", "bicubic", "--data", str(pictures), "--feature-weights", "none"]
    assert main([*words, "--metrics", name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert scores.WEIGHTS[name].url in line
    assert line.endswith(f"to work without a connection, put this file into {cache}.")


def test_weights_are_downloaded_once_into_the_cache_of_pytorch(cache, monkeypatch):
    asked = []
    monkeypatch.setattr(scores, "download", lambda url, _: asked.append(url) or STUB)
    weights = Weights(URL, START, 1_000_000)
    assert fetch_weights(weights) == cache / f"weights-{START}.pth"
    assert fetch_weights(weights).read_bytes() == STUB
    assert asked == [URL]


class Harmful:
    def __reduce__(self):
        return (print, ("run by a pickle",))


@pytest.mark.parametrize("is_cached", [True, False])
def test_another_file_or_one_with_code_is_refused(is_cached, cache, monkeypatch, capsys):
    file = io.BytesIO()
    torch.save({"weight": Harmful()}, file)
    harmful = file.getvalue()
    cache.mkdir(parents=True)
    for start in (START, hashlib.sha256(harmful).hexdigest()[:8]):
        weights = Weights(URL, start, 1_000_000)
        monkeypatch.setattr(scores, "download", lambda *_: harmful)
        if is_cached:
            weights.path.write_bytes(harmful)
        with pytest.raises(ModelRefusedError):
            fetch_weights(weights)
        assert weights.path.exists() is is_cached
    assert capsys.readouterr().out == ""


def test_without_the_package_the_extra_is_named(pictures, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    monkeypatch.delitem(sys.modules, "torchmetrics.image", raising=False)
    words = ["evaluate", "bicubic", "--data", str(pictures), "--feature-weights", "none"]
    assert main([*words, "--metrics", "fid"]) == 2
    assert 'pip install "srgan-gp[metrics]"' in capsys.readouterr().err


@pytest.mark.parametrize("value", ["fvd", "lpips,", "", "psnr"])
def test_another_name_is_refused(value, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "bicubic", "--data", "x", "--metrics", value])
    assert stop.value.code == 2
    assert "write some of lpips,fid,kid" in capsys.readouterr().err


@pytest.mark.usefixtures("offline", "cache")
def test_lpips_needs_pairs_of_large_enough_images(tiny_face_model, tmp_path, capsys):
    Image.new("RGB", (28, 28)).save(tmp_path / "small.png")
    words = ["evaluate", "bicubic", "--data", str(tmp_path), "--feature-weights", "none"]
    assert main([*words, "--metrics", "lpips"]) == 2
    assert "31" in capsys.readouterr().err
    assert main([*words, "--metrics", "fid"]) == 2
    assert "only one image" in capsys.readouterr().err
    words[1] = str(tiny_face_model())
    assert main([*words, "--metrics", "lpips"]) == 2
    assert "have no pairs" in capsys.readouterr().err
