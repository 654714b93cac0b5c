"""FaceGenerator: faces by seed, independent of the batch; interpolation; refusals."""

from types import SimpleNamespace

import numpy as np
import pytest

from srgan_gp.errors import ModelRefusedError, PictureError, UsageError
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler

FACES = {"task": "face-generation", "scale": 1, "overlap": None, "latent_size": 3, "image_size": 2}


def colours(latents):
    """A face of 2 x 2 pixels whose red, green and blue are the three numbers of its latent."""
    return np.tile(latents[:, :, np.newaxis, np.newaxis], (1, 1, 2, 2))


@pytest.fixture
def colour_generator(fake_session):
    return FaceGenerator(fake_session(run=colours, **FACES))


@pytest.fixture
def generator(tiny_face_model):
    return FaceGenerator.load(tiny_face_model(), device="cpu", threads=1)


def test_properties_of_the_model(generator):
    assert (generator.name, generator.device) == ("tiny-faces", "cpu")
    assert (generator.latent_size, generator.image_size) == (4, 8)
    assert len(generator.sha256) == 64
    assert generator.choice == "tiny-faces on cpu."


def test_values_are_clipped_and_rounded_to_nearest(colour_generator):
    latents = np.float32([[-1, 0.5, 2], [0.1, 1, 0]])
    faces = colour_generator.generate_from(latents)
    assert (faces.shape, faces.dtype) == ((2, 2, 2, 3), np.uint8)
    np.testing.assert_array_equal(faces[:, 0, 0], [[0, 128, 255], [26, 255, 0]])  # 127.5, 25.5


def test_channels_come_last_and_rows_before_columns(fake_session):
    planes = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2) / 255
    generator = FaceGenerator(fake_session(run=lambda latents: planes, **FACES))
    expected = [[[0, 4, 8], [1, 5, 9]], [[2, 6, 10], [3, 7, 11]]]
    np.testing.assert_array_equal(generator.generate()[0], expected)


def test_a_face_is_the_output_for_the_latent_of_its_seed(colour_generator):
    latent = np.random.default_rng(11).standard_normal(3, dtype=np.float32)
    expected = np.rint(255 * np.clip(latent, 0, 1)).astype(np.uint8)
    np.testing.assert_array_equal(colour_generator.generate(seed=11)[0, 1, 1], expected)


def test_the_face_of_a_seed_does_not_depend_on_the_batch(generator):
    batch = generator.generate(seed=0, count=8)
    for seed in (0, 3, 7):
        np.testing.assert_array_equal(generator.generate(seed=seed)[0], batch[seed])
    assert len(np.unique(batch, axis=0)) == 8


def test_the_face_of_a_seed_equals_its_recorded_values(generator):
    pinned = [[254, 95, 75], [17, 53, 186], [234, 232, 1], [64, 248, 253]]
    found = generator.generate(seed=7)[0, 0, :4].astype(int)
    assert np.abs(found - pinned).max() <= 1  # other processors add in another order


def test_zero_faces_are_an_empty_array(generator):
    assert generator.generate(count=0).shape == (0, 8, 8, 3)


def test_truncation_multiplies_the_latent(colour_generator):
    whole = colour_generator.latents([4, 5])
    np.testing.assert_array_equal(colour_generator.latents([4, 5], truncation=0.5), whole / 2)
    np.testing.assert_array_equal(colour_generator.latents([4, 5], truncation=0), 0 * whole)


def test_the_default_truncation_is_that_of_the_card(fake_session):
    session = fake_session(run=colours, **FACES)
    generator = FaceGenerator(session)
    assert generator.default_truncation == 1
    whole = generator.latents([4, 5])
    session.card = SimpleNamespace(truncation=0.5)
    generator = FaceGenerator(session)
    assert generator.default_truncation == 0.5
    np.testing.assert_array_equal(generator.latents([4, 5]), whole / 2)
    np.testing.assert_array_equal(generator.latents([4, 5], truncation=1), whole)
    session.card = SimpleNamespace(truncation=None)
    np.testing.assert_array_equal(FaceGenerator(session).latents([4, 5]), whole)


def test_truncation_0_gives_one_face(generator):
    faces = generator.generate(count=3, truncation=0)
    assert len(np.unique(faces, axis=0)) == 1


def test_an_interpolation_starts_and_ends_with_the_faces_of_its_seeds(generator):
    frames = list(generator.interpolate(3, 9, frames=5, truncation=0.7))
    assert len(frames) == 5
    for frame, seed in ((frames[0], 3), (frames[-1], 9)):
        np.testing.assert_array_equal(frame, generator.generate(seed=seed, truncation=0.7)[0])


def test_an_interpolation_has_even_steps(generator):
    frames = np.stack(list(generator.interpolate(0, 1, frames=30))).astype(float)
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert steps.max() <= 3 * np.median(steps)
    assert np.abs(frames[-1] - frames[0]).mean() > steps.max()


def test_frames_are_generated_on_demand(fake_session):
    drawn = []

    def run(latents):
        drawn.append(latents)
        return colours(latents)

    frames = FaceGenerator(fake_session(run=run, **FACES)).interpolate(0, 1, frames=10**12)
    next(frames)
    assert len(drawn) == 1


# Refusals.


@pytest.mark.parametrize("truncation", [-0.1, float("nan"), float("inf")])
def test_a_truncation_is_a_number_of_0_or_more(colour_generator, truncation):
    with pytest.raises(UsageError, match=f"0 or more, not {truncation}"):
        colour_generator.generate(truncation=truncation)


def test_a_seed_is_0_or_more(colour_generator):
    with pytest.raises(UsageError, match="not -2"):
        colour_generator.generate(seed=-2, count=4)


@pytest.mark.parametrize("frames", [1, 0, -1])
def test_an_interpolation_has_two_frames_or_more(colour_generator, frames):
    with pytest.raises(UsageError, match=f"not {frames}"):
        colour_generator.interpolate(0, 1, frames=frames)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((1, 4), np.float32), r"need latents \(N, 3\), got \(1, 4\)$"),
        (np.zeros(3, np.float32), r"got \(3,\); pass latents\[None\]$"),
        (np.zeros((1, 3)), r"got float64; pass latents.astype\(np.float32\)$"),
        (np.float32([[0, 1, np.nan]]), "need latents that are finite, got NaN"),
    ],
)
def test_unsuitable_latents_are_refused_with_advice(colour_generator, latents, message):
    with pytest.raises(ValueError, match=message):
        colour_generator.generate_from(latents)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (SimpleNamespace(numpy=None), r"got types.SimpleNamespace; call .numpy\(\) on it$"),
        ([[0.0, 1.0, 2.0]], r"got list; pass np.asarray\(latents, np.float32\)$"),
        (7, r"got int; for seeds pass generator.latents\(\[7\]\)"),
    ],
)
def test_latents_that_are_no_array_are_refused_with_advice(colour_generator, latents, message):
    with pytest.raises(TypeError, match=message):
        colour_generator.generate_from(latents)


def test_interpolation_between_latents_is_refused_with_advice(colour_generator):
    first, second = colour_generator.latents([0, 1])
    with pytest.raises(TypeError, match=r"takes two seeds; pass latents to generate_from$"):
        colour_generator.interpolate(first, second, frames=3)
    assert len(list(colour_generator.interpolate(np.int64(0), 1, frames=2))) == 2


def test_a_face_that_is_not_finite_is_an_error(fake_session):
    broken = fake_session(run=lambda latents: colours(latents) * np.nan, **FACES)
    with pytest.raises(PictureError, match="not finite") as caught:
        FaceGenerator(broken).generate()
    assert caught.value.code == "E_MODEL_OUTPUT"


def test_too_little_memory_is_one_message(fake_session):
    def run(latents):
        raise MemoryError

    with pytest.raises(PictureError, match="not enough memory for a face of 2 x 2") as caught:
        FaceGenerator(fake_session(run=run, **FACES)).generate()
    assert caught.value.code == "E_OUT_OF_MEMORY"


def test_an_upscaler_is_refused(tiny_model):
    with pytest.raises(ModelRefusedError, match="tiny is for super-resolution; generating faces"):
        FaceGenerator.load(tiny_model(), device="cpu")


def test_an_upscaler_refuses_a_model_of_faces(tiny_face_model):
    with pytest.raises(ModelRefusedError, match="tiny-faces is for face-generation; upscaling"):
        Upscaler.load(tiny_face_model(), device="cpu")


@pytest.mark.parametrize("key", ["latent_size", "image_size"])
@pytest.mark.parametrize("value", [None, "0", "many"])
def test_invalid_sizes_are_refused(tiny_face_model, key, value):
    with pytest.raises(ModelRefusedError, match=key):
        Session.open(tiny_face_model(**{key: value}), device="cpu")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [({"latent_size": "5"}, r"input tensor\(float\) .*4.*; for faces .*\(N, 5\)"),
     ({"image_size": "16"}, r"output tensor\(float\) .*8, 8.*; float32 faces \(N, 3, 16, 16\)")],
)  # fmt: skip
def test_a_model_that_contradicts_its_metadata_is_refused(tiny_face_model, metadata, message):
    with pytest.raises(ModelRefusedError, match=message):
        Session.open(tiny_face_model(**metadata), device="cpu")


def test_a_fixed_batch_size_is_refused(tiny_face_model, onnx_models):
    path = tiny_face_model(model=onnx_models.faces(count=2))
    with pytest.raises(ModelRefusedError, match=r"\[2, 4\]; for faces float32 latents \(N, 4\)"):
        Session.open(path, device="cpu")


def test_a_model_of_latents_without_metadata_is_refused(tiny_face_model):
    with pytest.raises(ModelRefusedError, match="a float32 image"):
        Session.open(tiny_face_model(srgan_gp_version=None), device="cpu")


def test_an_upscaler_whose_input_is_a_latent_is_refused(tiny_face_model):
    path = tiny_face_model(task="super-resolution", scale="2", overlap="3", size_multiple="1")
    with pytest.raises(ModelRefusedError, match="a float32 image"):
        Session.open(path, device="cpu")


@pytest.mark.parametrize("seeds", [[7, 21], (7, 21), [np.int64(7)], 7])
def test_seeds_in_place_of_latents_get_the_call_that_draws_them(colour_generator, seeds):
    with pytest.raises(TypeError, match=r"for seeds pass generator\.latents\(\["):
        colour_generator.generate_from(seeds)


def test_an_array_of_seeds_gets_the_call_too(colour_generator):
    with pytest.raises(ValueError, match=r"for seeds pass generator\.latents\(seeds\)"):
        colour_generator.generate_from(np.array([7, 21]))


def test_more_faces_than_memory_are_refused_at_once(colour_generator):
    with pytest.raises(UsageError, match=r"1000000000 faces need \d+ GiB of memory; generate at m"):
        colour_generator.generate(count=10**9)


def test_the_progress_of_the_faces_is_reported(colour_generator):
    seen = []
    faces = colour_generator.generate(seed=4, count=3, on_progress=lambda *now: seen.append(now))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_array_equal(faces, colour_generator.generate(seed=4, count=3))
    latents = colour_generator.latents([1, 2])
    colour_generator.generate_from(latents, on_progress=lambda *now: seen.append(now))
    assert seen[3:] == [(1, 2), (2, 2)]


def test_an_exception_in_the_progress_ends_the_call(fake_session):
    runs = []

    def run(latents):
        runs.append(latents)
        return colours(latents)

    def end(done, total):
        raise KeyError(done)

    with pytest.raises(KeyError):
        FaceGenerator(fake_session(run=run, **FACES)).generate(count=5, on_progress=end)
    assert len(runs) == 1


def test_a_progress_that_is_no_function_is_refused_before_the_first_face(colour_generator):
    for call in (
        lambda: colour_generator.generate(count=0, on_progress=True),
        lambda: colour_generator.generate_from(colour_generator.latents([]), on_progress=True),
    ):
        with pytest.raises(TypeError, match=r"on_progress must be a function \(done, total\), got"):
            call()
