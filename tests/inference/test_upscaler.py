import hashlib
import subprocess
import sys
import tracemalloc
from argparse import ArgumentTypeError

import numpy as np
import pytest

from srgan_gp.commands.options import option_types
from srgan_gp.errors import ModelRefusedError, PictureError, UsageError
from srgan_gp.images import Picture
from srgan_gp.inference.tiling.window_choice import CPU_BUDGET
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import LOOKS


@pytest.fixture
def doubler(fake_session):
    return Upscaler(fake_session())


def double(pixels):
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def pixels_of(dtype, rng, size=(12, 17), channels=3):
    if dtype == np.float32:
        return rng.random((*size, channels), dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, (*size, channels)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_depth_is_kept_to_the_last_bit(doubler, rng, dtype):
    pixels = pixels_of(dtype, rng)
    result = doubler.upscale(pixels)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, double(pixels))


@pytest.mark.parametrize("tile", ["auto", None, 1, 5, 100])
def test_the_result_does_not_depend_on_the_tile(tiny_model, tiny_image, tile):
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    whole = upscaler.upscale(tiny_image, tile=None)
    assert upscaler.report.tiles == 1
    np.testing.assert_array_equal(upscaler.upscale(tiny_image, tile=tile), whole)


@pytest.mark.parametrize(
    ("scale", "size"),
    [(None, (24, 34)), (2, (24, 34)), (1.5, (18, 26)), (3, (36, 51)), (0.5, (6, 8)), (1, (12, 17))],
)
def test_any_scale_gives_rounded_sides(doubler, tiny_image, scale, size):
    assert doubler.upscale(tiny_image, scale=scale).shape == (*size, 3)


def test_another_scale_is_resampled_from_the_result_of_the_network(fake_session, rng):
    """A flat image stays flat at every scale, and a ramp keeps its mean."""
    upscaler = Upscaler(fake_session(scale=4))
    flat = np.full((8, 8, 3), 77, np.uint8)
    for scale in (1, 2, 3, 5.5):
        assert (upscaler.upscale(flat, scale=scale) == 77).all()
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8, 1).repeat(3, axis=2)
    assert abs(upscaler.upscale(ramp, scale=2).mean() - 65535 / 2) < 66


@pytest.mark.parametrize(("said", "real"), [(2, 4), (4, 2)])
@pytest.mark.parametrize("tile", [None, 4])
def test_a_model_whose_scale_differs_from_its_metadata_is_refused(
    tiny_model, onnx_models, tiny_image, said, real, tile
):
    path = tiny_model(model=onnx_models.repeating(real), scale=str(said))
    upscaler = Upscaler.load(path, device="cpu", threads=1)
    with pytest.raises(ModelRefusedError, match=f"scale {said} in its metadata, but turns"):
        upscaler.upscale(tiny_image, tile=tile)


def test_a_scale_above_that_of_the_network_is_a_warning(doubler, tiny_image):
    doubler.upscale(tiny_image, scale=3)
    [warning] = doubler.report.warnings
    assert "x2" in warning
    assert "x3" in warning


def test_results_are_rounded_to_nearest_and_clipped(fake_session):
    def brighten(images):
        return images.repeat(2, axis=2).repeat(2, axis=3) * 1.1 + 0.6 / 255

    upscaler = Upscaler(fake_session(brighten))
    result = upscaler.upscale(np.full((2, 2, 3), [0, 100, 250], np.uint8))
    np.testing.assert_array_equal(result[0, 0], [1, 111, 255])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_result_that_is_not_finite_is_an_error(fake_session, tiny_image, value):
    def broken(images):
        result = images.repeat(2, axis=2).repeat(2, axis=3)
        result[0, 1, -1, -1] = value
        return result

    with pytest.raises(PictureError) as caught:
        Upscaler(fake_session(broken)).upscale(tiny_image)
    assert caught.value.code == "E_MODEL_OUTPUT"


def test_running_out_of_memory_does_not_change_the_result(fake_session, tiny_image):
    def out_of_memory(images):
        if images.shape[2] * images.shape[3] > 40:
            raise MemoryError
        return images.repeat(2, axis=2).repeat(2, axis=3)

    upscaler = Upscaler(fake_session(out_of_memory))
    np.testing.assert_array_equal(upscaler.upscale(tiny_image), double(tiny_image))
    assert upscaler.report.tiles > 1
    assert "memory ran out" in upscaler.report.warnings[0]


def test_limited_memory_does_not_change_the_result(onnx_models, tmp_path):
    """In a separate process, whose memory is limited to less than the whole image needs."""
    path = tmp_path / "tiny.onnx"
    model = onnx_models.with_metadata(onnx_models.convolutional(width=64))
    path.write_bytes(model.SerializeToString())
    program = (
        "import resource, sys, numpy; from srgan_gp.inference.upscaler import Upscaler\n"
        "upscaler = Upscaler.load(sys.argv[1], device='cpu', threads=1)\n"
        "pixels = numpy.random.default_rng(0).integers(0, 256, (500, 480, 3), numpy.uint8)\n"
        "small = upscaler.upscale(pixels, tile=50)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**27,) * 2)\n"
        "limited = upscaler.upscale(pixels, tile=None)\n"
        "print(upscaler.report.tiles > 1, (small == limited).all())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["True", "True"], "")


@pytest.mark.parametrize("overlap", [1, None], ids=["tiled", "global"])
def test_too_little_memory_for_any_tile_is_one_message(fake_session, tiny_image, overlap):
    def out_of_memory(images):
        raise MemoryError

    with pytest.raises(PictureError, match="not enough memory") as caught:
        Upscaler(fake_session(out_of_memory, overlap=overlap)).upscale(tiny_image)
    assert caught.value.code == "E_OUT_OF_MEMORY"


def test_a_global_model_runs_on_the_whole_image(fake_session):
    shapes = []

    def record(images):
        shapes.append(images.shape[2:])
        return images.repeat(2, axis=2).repeat(2, axis=3)

    upscaler = Upscaler(fake_session(record, overlap=None, bytes_per_pixel=2**30))
    upscaler.upscale(np.zeros((50, 60, 3), np.uint8))
    assert shapes == [(50, 60)]


def test_a_tile_for_a_global_model_is_refused(fake_session, tiny_image):
    with pytest.raises(UsageError, match="whole image"):
        Upscaler(fake_session(overlap=None)).upscale(tiny_image, tile=8)


def test_sides_are_padded_to_the_size_multiple(fake_session, tiny_image):
    def multiples_of_8(images):
        assert images.shape[2] % 8 == images.shape[3] % 8 == 0
        return images.repeat(2, axis=2).repeat(2, axis=3)

    upscaler = Upscaler(fake_session(multiples_of_8, size_multiple=8))
    for tile in (None, 4):
        np.testing.assert_array_equal(upscaler.upscale(tiny_image, tile=tile), double(tiny_image))


def test_a_model_for_another_task_is_refused(fake_session):
    with pytest.raises(ModelRefusedError, match="face-generation"):
        Upscaler(fake_session(task="face-generation"))


@pytest.mark.parametrize("scale", [0, -1, 1000.5, 1e9, float("nan"), float("inf")])
def test_a_scale_has_the_range_and_the_message_of_the_command_line(doubler, tiny_image, scale):
    with pytest.raises(ValueError) as caught:
        doubler.upscale(tiny_image, scale=scale)
    with pytest.raises(ArgumentTypeError) as of_command_line:
        option_types.scale(f"{scale:g}")
    assert str(of_command_line.value).startswith(str(caught.value))  # and advice about options
    assert str(caught.value).startswith("the scale must be a number above 0, 1000 at most, not ")


@pytest.mark.parametrize(("look", "fidelity"), LOOKS.items())
def test_a_look_loads_its_fidelity(partners, tiny_image, look, fidelity):
    by_look, by_number = (
        Upscaler.load("near", device="cpu", **option)
        for option in ({"look": look}, {"fidelity": fidelity})
    )
    assert (by_look.fidelity, by_look.sha256) == (fidelity, by_number.sha256)
    np.testing.assert_array_equal(by_look.upscale(tiny_image), by_number.upscale(tiny_image))


def test_a_look_is_one_of_three_and_excludes_a_fidelity(partners):
    for options, error, message in [
        ({"look": "nice"}, UsageError, "no look 'nice'; known: faithful, natural, crisp"),
        ({"look": "crisp", "fidelity": 0}, UsageError, "pass one of them"),
        ({"look": 1}, TypeError, "look must be a text, got 1"),
        (
            {"look": "crisp", "model": "far"},
            UsageError,
            "The look crisp works only with .*near, not with far",
        ),
    ]:
        with pytest.raises(error, match=message):
            Upscaler.load(**{"model": "near", "device": "cpu"} | options)


def test_a_result_without_pixels_is_refused(doubler, tiny_image):
    with pytest.raises(PictureError) as caught:
        doubler.upscale(tiny_image, scale=0.01)
    assert caught.value.code == "E_NO_PIXELS"


def test_a_tile_has_a_pixel_or_more(doubler, tiny_image):
    with pytest.raises(ValueError, match="1 pixel"):
        doubler.upscale(tiny_image, tile=0)


def test_one_pixel_is_enough(doubler):
    pixel = np.array([[[1, 2, 3]]], np.uint8)
    np.testing.assert_array_equal(doubler.upscale(pixel), double(pixel))


# Progress and report.


def test_progress_covers_colour_and_alpha(doubler, tiny_image, rng):
    alpha = rng.integers(0, 256, tiny_image.shape[:2], dtype=np.uint8)
    seen = []
    doubler.upscale_picture(
        Picture(tiny_image, alpha=alpha), tile=5, on_progress=lambda *now: seen.append(now)
    )
    total = doubler.report.tiles
    assert seen == [(done, total) for done in range(1, total + 1)]


def test_an_exception_of_the_progress_callback_ends_the_call(doubler, tiny_image):
    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doubler.upscale(tiny_image, on_progress=cancel)
    assert doubler.report is None


def test_the_fields_of_the_report(doubler, tiny_image):
    doubler.upscale(tiny_image, tile=5, scale=1.5)
    report = doubler.report
    assert (report.model, report.provider, report.device) == ("fake", "FakeProvider", "cpu")
    assert (report.precision, report.scale, report.network_scale) == ("float32", 1.5, 2)
    assert (report.tiles, report.window, report.warnings) == (6, (7, 7), ())
    assert report.seconds > 0


def test_name_and_scale_of_an_upscaler(fake_session):
    upscaler = Upscaler(fake_session(name="mine", scale=3))
    assert (upscaler.name, upscaler.scale) == ("mine", 3)


def test_the_sha256_of_an_upscaler_is_that_of_the_file(tiny_model):
    path = tiny_model()
    upscaler = Upscaler.load(path, device="cpu")
    assert upscaler.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.usefixtures("partners")
def test_an_average_of_two_models_has_its_own_sha256():
    weights = (0, 0.25, 0.5, 1)
    digests = [Upscaler.load("near", device="cpu", fidelity=w).sha256 for w in weights]
    assert len(set(digests)) == 4
    assert digests[0] == Upscaler.load("near", device="cpu").sha256


def test_the_choice_is_one_line(fake_session):
    session = fake_session()
    session.notes = ("The GPU is not used: it is full.",)
    assert Upscaler(session).choice == "fake on cpu. The GPU is not used: it is full."


# Pictures with alpha and metadata.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_stays_grey(doubler, rng, dtype):
    grey = pixels_of(dtype, rng, channels=1)
    result = doubler.upscale_picture(Picture(grey))
    # The mean of three equal floats may be off by one unit in the last place.
    np.testing.assert_allclose(result.pixels, double(grey), rtol=2e-7 * (dtype == np.float32))


def test_grey_is_the_mean_of_the_three_channels(fake_session):
    def tint(images):
        tints = np.array([0.1, 0.2, 0.3], np.float32).reshape(1, 3, 1, 1)
        return (images + tints).repeat(2, axis=2).repeat(2, axis=3)

    grey = np.zeros((3, 3, 1), np.float32)
    result = Upscaler(fake_session(tint)).upscale_picture(Picture(grey))
    np.testing.assert_allclose(result.pixels, 0.2, atol=1e-6)


def test_metadata_are_copied(doubler, tiny_image):
    picture = Picture(
        tiny_image, icc_profile=b"icc", exif=b"exif", xmp=b"xmp", dpi=(72, 96),
        source_format="PNG", notes=("a note",),
    )  # fmt: skip
    result = doubler.upscale_picture(picture)
    for name in ("icc_profile", "exif", "xmp", "dpi", "source_format", "notes"):
        assert getattr(result, name) == getattr(picture, name)


@pytest.mark.parametrize("value", [0, 93, 255])
def test_constant_alpha_stays_constant(tiny_model, tiny_image, value):
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    alpha = np.full(tiny_image.shape[:2], value, np.uint8)
    result = upscaler.upscale_picture(Picture(tiny_image, alpha=alpha))
    assert (result.alpha == value).all()
    assert result.alpha.shape == result.pixels.shape[:2]
    assert upscaler.report.tiles == 1


def half_transparent(rng, hidden):
    """Random colours; the left half is transparent and has the colour `hidden`."""
    pixels = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    pixels[:, :15] = hidden
    alpha = np.full((20, 30), 255, np.uint8)
    alpha[:, :15] = 0
    return Picture(pixels, alpha=alpha)


def test_hidden_colours_leave_no_fringe(tiny_model):
    """The result must not depend on colours that cannot be seen."""
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    black, green = (
        upscaler.upscale_picture(half_transparent(np.random.default_rng(1), hidden))
        for hidden in ((0, 0, 0), (0, 255, 0))
    )
    np.testing.assert_array_equal(black.pixels, green.pixels)


@pytest.mark.parametrize("scale", [None, 1, 3, 2.7])
def test_flat_areas_of_alpha_stay_flat(tiny_model, rng, scale):
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    result = upscaler.upscale_picture(half_transparent(rng, 0), scale=scale)
    width = result.alpha.shape[1]
    assert (result.alpha[:, : int(width * 13 / 30)] == 0).all()
    assert (result.alpha[:, int(np.ceil(width * 17 / 30)) :] == 255).all()


def test_alpha_is_upscaled_by_the_network(fake_session, rng):
    def halve(images):
        return images.repeat(2, axis=2).repeat(2, axis=3) / 2

    picture = half_transparent(rng, 0)
    picture.alpha[:, 14:16] = 100
    result = Upscaler(fake_session(halve)).upscale_picture(picture)
    assert (result.alpha[:, 29:31] == 50).all()


def test_alpha_has_the_depth_of_the_image(doubler, rng):
    pixels = pixels_of(np.uint16, rng)
    alpha = rng.integers(0, 65536, pixels.shape[:2], dtype=np.uint16)
    result = doubler.upscale_picture(Picture(pixels, alpha=alpha))
    np.testing.assert_array_equal(result.alpha, double(alpha))


def test_the_whole_image_never_exists_in_float32(fake_session):
    pixels = np.zeros((300, 400, 3), np.uint8)
    upscaler = Upscaler(fake_session())
    tracemalloc.start()
    result = upscaler.upscale(pixels, tile=32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    planes = 4 * pixels.nbytes  # of the input, which is a quarter of the result
    assert peak < 2 * planes + 2.5 * result.nbytes  # a float32 result alone would be 4 times
    assert result.dtype == np.uint8


def test_upscalers_that_share_a_model_give_the_same_result(fake_session, tiny_image):
    one = Upscaler(fake_session())
    other = one.sharing()
    assert (one.name, one.sha256) == (other.name, other.sha256)
    np.testing.assert_array_equal(one.upscale(tiny_image), other.upscale(tiny_image))
    assert one.report is not other.report


def test_the_memory_of_a_run_grows_with_the_image_up_to_the_budget(fake_session):
    upscaler = Upscaler(fake_session(bytes_per_pixel=1000))
    assert upscaler.network_memory(10, 20) == 200_000
    assert upscaler.network_memory(100_000, 100_000) == CPU_BUDGET
