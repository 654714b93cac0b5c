"""`Upscaler.upscale`: kinds of images, lists, batches, and messages about wrong arguments."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images import Picture, read_image, write_image
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.tiling.window_choice import CPU_BATCH_BUDGET, GPU_BUDGET
from srgan_gp.inference.upscaler import Upscaler

SIZE = (12, 17)


def double(pixels):
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def random_array(shape, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == np.float32:
        return rng.random(shape, dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@pytest.fixture
def doubler(fake_session):
    return Upscaler(fake_session())


@pytest.fixture
def batches(fake_session):
    """An upscaler, and the shapes of the inputs of its network."""
    shapes = []

    def record(images):
        shapes.append(images.shape)
        return images.repeat(2, axis=2).repeat(2, axis=3)

    session = fake_session(record, bytes_per_pixel=1000)
    return Upscaler(session), shapes


# Arrays.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,)])
def test_an_array_keeps_dimensions_channels_and_dtype(doubler, channels, dtype):
    array = random_array((*SIZE, *channels), dtype)
    array[array == 0] = 1  # the colours of hidden pixels would be replaced
    result = doubler.upscale(array)
    assert result.dtype == dtype
    # The mean of three equal floats may be off by one unit in the last place.
    np.testing.assert_allclose(result, double(array), rtol=2e-7 * (dtype == np.float32))


def test_alpha_of_an_array_is_that_of_a_picture(tiny_model):
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    array = random_array((*SIZE, 4))
    array[:5, :, 3] = 0
    picture = upscaler.upscale_picture(Picture(array[..., :3], alpha=array[..., 3]))
    result = upscaler.upscale(array)
    np.testing.assert_array_equal(result[..., :3], picture.pixels)
    np.testing.assert_array_equal(result[..., 3], picture.alpha)


def test_an_array_that_is_not_contiguous_is_taken(doubler):
    array = random_array((3, *SIZE)).transpose(1, 2, 0)[:, ::-1]
    np.testing.assert_array_equal(doubler.upscale(array), double(array))


# Pillow images.


@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA"])
def test_a_pillow_image_keeps_its_mode(doubler, mode):
    array = random_array((*SIZE, len(mode)) if mode != "L" else SIZE)
    array = np.maximum(array, 1)
    image = Image.fromarray(array)
    assert image.mode == mode
    result = doubler.upscale(image)
    assert isinstance(result, Image.Image)
    assert (result.mode, result.size) == (mode, (34, 24))
    np.testing.assert_array_equal(np.asarray(result), double(array))


@pytest.mark.parametrize(
    ("mode", "other"), [("1", "L"), ("P", "RGB"), ("CMYK", "RGB"), ("YCbCr", "RGB"), ("HSV", "RGB")]
)
def test_other_modes_of_pillow_become_grey_or_rgb(doubler, mode, other):
    image = Image.fromarray(random_array((*SIZE, 3))).convert(mode)
    result = doubler.upscale(image)
    assert result.mode == other
    np.testing.assert_array_equal(np.asarray(result), double(np.asarray(image.convert(other))))


def test_a_palette_with_transparency_becomes_rgba(doubler):
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.info["transparency"] = 0
    result = doubler.upscale(image)
    assert (result.mode, result.getpixel((0, 0))) == ("RGBA", (10, 20, 30, 255))


@pytest.mark.parametrize(("mode", "dtype"), [("I;16", np.uint16), ("I", np.int32)])
def test_16_bits_of_pillow_are_kept(doubler, mode, dtype):
    array = random_array(SIZE, np.uint16)
    image = Image.fromarray(array.astype(dtype))
    assert image.mode == mode
    result = doubler.upscale(image)
    assert result.mode == mode
    np.testing.assert_array_equal(np.asarray(result), double(array))


def test_floats_of_pillow_are_kept(doubler):
    array = random_array(SIZE, np.float32)
    result = doubler.upscale(Image.fromarray(array))
    assert result.mode == "F"
    np.testing.assert_allclose(np.asarray(result), double(array), rtol=2e-7)


def test_metadata_of_pillow_are_kept(doubler):
    image = Image.fromarray(random_array((*SIZE, 3)))
    image.info |= {"icc_profile": b"icc", "exif": b"exif", "dpi": (72, 72), "gamma": 0.5}
    kept = {"icc_profile": b"icc", "exif": b"exif", "dpi": (72, 72)}
    assert doubler.upscale(image).info == kept
    assert "icc_profile" not in doubler.upscale(image.convert("CMYK")).info


def test_a_pillow_result_is_written_upright_with_its_exif(doubler, tmp_path):
    image, exif = Image.new("RGB", (8, 4)), Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "Ada"  # orientation and artist
    image.info |= {"exif": exif.tobytes(), "dpi": (300, 300)}
    result = doubler.upscale(image)
    assert write_image(result, tmp_path / "a.webp") == ()
    written = read_image(tmp_path / "a.webp")
    assert (result.size, (written.width, written.height)) == ((16, 8), (8, 16))
    assert written.dpi == (300, 300)
    with Image.open(tmp_path / "a.webp") as reopened:
        assert reopened.getexif()[0x013B] == "Ada"


def test_an_opened_file_of_pillow_is_taken(doubler, tmp_path):
    Image.fromarray(random_array((*SIZE, 3))).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert doubler.upscale(image).size == (34, 24)


def test_the_report_warns_of_what_an_image_loses(doubler, tmp_path):
    frames = [Image.new("L", (4, 4), value) for value in (0, 255)]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    picture = doubler.upscale(path)
    assert doubler.report.warnings == picture.notes
    assert len(picture.notes) == 1
    with Image.open(path) as image:
        doubler.upscale(image)
    assert doubler.report.warnings == ("it has more frames or pages; only the current one is used",)
    cmyk = Image.new("CMYK", (4, 4))
    doubler.upscale([cmyk, cmyk])
    assert doubler.report.warnings == ("its CMYK colours were converted to 8-bit sRGB",)


# Paths.


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_gives_a_picture_with_its_metadata(doubler, tmp_path, kind):
    path = tmp_path / "a.png"
    array = random_array((*SIZE, 3))
    Image.fromarray(array).save(path, dpi=(300, 300))
    result = doubler.upscale(kind(path))
    assert isinstance(result, Picture)
    assert (result.source_format, round(result.dpi[0])) == ("PNG", 300)
    np.testing.assert_array_equal(result.pixels, double(array))


def test_a_url_is_named_as_it_was_given(doubler):
    with pytest.raises(PictureError, match=r"https://example.org/a.jpg: .* a URL is not read"):
        doubler.upscale("https://example.org/a.jpg")


def test_an_error_about_a_path_names_it_once(doubler, tmp_path):
    with pytest.raises(PictureError, match="does not exist") as caught:
        doubler.upscale(tmp_path / "missing.png")
    assert str(caught.value).count("missing.png") == 1
    path = tmp_path / "small.png"
    write_image(random_array((*SIZE, 3)), path)
    with pytest.raises(PictureError, match="larger scale") as caught:
        doubler.upscale(path, scale=0.01)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.code == "E_NO_PIXELS"


# Several images.


def test_a_list_keeps_the_kind_of_each_image(doubler, tmp_path):
    array, path = random_array((*SIZE, 3)), tmp_path / "a.png"
    image = Image.fromarray(array)
    image.save(path)
    results = doubler.upscale([array, image, Picture(array), path, array[..., 0]])
    kinds = [np.ndarray, Image.Image, Picture, Picture, np.ndarray]
    assert [isinstance(one, kind) for one, kind in zip(results, kinds, strict=True)] == [True] * 5
    assert [getattr(one, "ndim", None) for one in results] == [3, None, None, None, 2]


@pytest.mark.parametrize("wrap", [list, tuple, iter])
def test_lists_tuples_and_iterators_give_a_list(doubler, wrap):
    arrays = [random_array((*SIZE, 3), seed=seed) for seed in range(3)]
    results = doubler.upscale(wrap(arrays))
    assert isinstance(results, list)
    for result, array in zip(results, arrays, strict=True):
        np.testing.assert_array_equal(result, double(array))


def test_an_array_of_images_gives_an_array(doubler):
    arrays = random_array((5, *SIZE, 3))
    result = doubler.upscale(arrays)
    np.testing.assert_array_equal(result, arrays.repeat(2, axis=1).repeat(2, axis=2))


def test_an_empty_list_gives_an_empty_list(doubler):
    assert doubler.upscale([]) == []
    assert doubler.report is None


def test_images_of_one_size_are_one_batch(batches):
    upscaler, shapes = batches
    small, large = random_array((*SIZE, 3)), random_array((20, 30))
    results = upscaler.upscale([small, large, small + 1, Picture(small), large])
    assert shapes == [(3, 3, *SIZE), (2, 3, 20, 30)]
    np.testing.assert_array_equal(results[2], double(small + 1))
    assert results[4].shape == (40, 60)
    assert upscaler.report.tiles == 2


def test_alpha_of_a_batch_is_a_batch_of_those_that_vary(batches):
    upscaler, shapes = batches
    arrays = [random_array((*SIZE, 4), seed=seed) for seed in range(3)]
    arrays[1][..., 3] = 200
    results = upscaler.upscale([*arrays, arrays[0][..., :3]])
    assert shapes == [(4, 3, *SIZE), (2, 3, *SIZE)]
    assert (results[1][..., 3] == 200).all()
    for index in (0, 2):
        np.testing.assert_array_equal(results[index][..., 3], double(arrays[index][..., 3]))
    assert results[3].shape == (24, 34, 3)


@pytest.mark.parametrize(("device", "budget"), [("cpu", CPU_BATCH_BUDGET), ("cuda:0", GPU_BUDGET)])
def test_a_batch_stays_within_its_memory(fake_session, device, budget):
    counts = []

    def record(images):
        counts.append(len(images))
        return images.repeat(2, axis=2).repeat(2, axis=3)

    session = fake_session(record, bytes_per_pixel=budget // (3 * 10 * 10))
    session.device = device
    Upscaler(session).upscale(random_array((7, 10, 10, 3)))
    assert counts == [3, 3, 1]


def test_a_model_that_takes_no_batches_gets_one_image_at_a_time(batches):
    upscaler, shapes = batches
    upscaler._session.takes_batches = False
    upscaler.upscale(random_array((3, *SIZE, 3)))
    assert shapes == [(1, 3, *SIZE)] * 3


def test_a_model_without_our_metadata_takes_no_batches(tiny_model):
    foreign = Upscaler.load(tiny_model("foreign", srgan_gp_version=None), device="cpu")
    own = Upscaler.load(tiny_model("own"), device="cpu")
    assert (foreign._session.takes_batches, own._session.takes_batches) == (False, True)


@pytest.mark.parametrize("scale", [None, 3])
@pytest.mark.parametrize("tile", ["auto", 5])
def test_a_batch_gives_what_single_images_give(tiny_model, scale, tile):
    upscaler = Upscaler.load(tiny_model(), device="cpu", threads=1)
    arrays = [random_array((*SIZE, 4), seed=seed) for seed in range(4)]
    arrays[1][:6, :, 3] = 0
    for array, result in zip(arrays, upscaler.upscale(arrays, scale=scale, tile=tile), strict=True):
        alone = upscaler.upscale(array, scale=scale, tile=tile)
        np.testing.assert_allclose(result.astype(int), alone, atol=1)


def test_progress_of_a_list_counts_images(fake_session):
    seen = []
    session = fake_session(bytes_per_pixel=CPU_BATCH_BUDGET // (2 * 10 * 10))
    images = [*random_array((3, 10, 10, 3)), random_array((5, 5, 3))]
    Upscaler(session).upscale(images, on_progress=lambda *now: seen.append(now))
    assert seen == [(2, 4), (3, 4), (4, 4)]


def test_all_images_are_checked_before_the_first_is_upscaled(batches, tmp_path):
    upscaler, shapes = batches
    with pytest.raises(PictureError, match=r"image 2 of 2: .*missing.png: it does not exist"):
        upscaler.upscale([random_array((*SIZE, 3)), tmp_path / "missing.png"])
    with pytest.raises(ValueError, match="image 1 of 2: need uint8"):
        upscaler.upscale([np.zeros((4, 4, 3)), random_array((*SIZE, 3))])
    assert shapes == []


# Wrong arguments.


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 40, 50), np.uint8), r"transpose it to \(H, W, 3\): image.transpose\(1, 2, 0"),
        (np.zeros((3, 40, 50), np.uint8), r"2, 0\); for a stack of grey .*stack\[..., None\]$"),
        (np.zeros((1, 40, 50), np.uint8), r"\(H, W, 1\): image.transpose\(1, 2, 0\)$"),
        (np.zeros((2, 3, 40, 50), np.uint8), r"\(N, H, W, 3\): images.transpose\(0, 2, 3, 1\)"),
        (np.zeros((40, 50, 5), np.uint8), r"got .*; of 5 channels keep .*: image\[..., :3\]$"),
        (np.zeros((4, 4, 5), np.uint8), r" image\[..., :3\] or, if the channels come first, tran"),
        (np.zeros((2, 8, 9, 5), np.uint8), r"keep those of the colours: images\[..., :3\]$"),
        (np.zeros((1, 4, 4, 5), np.uint8), r"come first, transpose it to \(N, H, W, 4\): images"),
        (np.zeros(40, np.uint8), r"got \(40,\)$"),
        (np.zeros((0, 50, 3), np.uint8), r"array is empty: its shape is \(0, 50, 3\)$"),
        (np.zeros((0, 4, 4, 3), np.uint8), r"got \(0, 4, 4, 3\); it is empty$"),
        (np.zeros((5, 48, 64), np.uint8), r"RGBA, got .*stack\[..., None\]$"),
        (np.full((4, 4, 3), 255.0), r"divide by 255 .*: \(image / 255\).astype\(np.float32\)$"),
        (np.full((4, 4, 3), -0.9), r": \(\(image \+ 1\) / 2\).astype\(np.float32\)$"),
        (np.full((4, 4), 70, np.int64) * 9, r"0 to 65535 with image.astype\(np.uint16\)$"),
        (
            np.zeros((4, 4, 3)),
            r"got float64; convert values of 0 to 1 with image.astype\(np.float32",
        ),
        (np.zeros((4, 4, 3), np.int64), r"got int64; .* 255 with image.astype\(np.uint8\)"),
        (np.array([None, "a"]), "got object; pass images of several sizes, and paths, as a list$"),
        (np.array(["a.jpg"]), "got <U5; .* as a list$"),
        (np.zeros((4, 4), bool), r"got bool; convert it with image.astype\(np.uint8\) \* 255"),
        (np.zeros((4, 4), ">u2"), r"got >u2; convert the byte order with image.astype\(np.uint16"),
        (np.full((4, 4, 3), 255, np.float32), r"in \[0, 1\], got 255 to 255; divide by 255"),
        (np.full((4, 4, 3), -1, np.float32), r"got -1 to -1; .*: \(image \+ 1\) / 2$"),
        (np.full((4, 4), 1.000001, np.float32), r"to 1.000001; .*: np.clip\(image, 0, 1\)$"),
        (np.full((4, 4), -0.01, np.float32), r"got -0.01 to -0.01; .*: np.clip\(image, 0, 1\)$"),
        (np.full((4, 4), 300, np.float32), r"np.clip\(image, 0, 255\) / 255$"),
        (np.full((4, 4), 65535, np.float32), r"got 65535 to 65535; .* by 65535: image / 65535$"),
        (np.full((4, 4), 70000, np.float32), r"got 70000 to 70000$"),
    ],
)
def test_a_wrong_array_is_a_value_error_with_advice(doubler, array, message):
    with pytest.raises(ValueError, match=message):
        doubler.upscale(array)


class Tensor:
    """What `upscale` sees of a tensor of PyTorch."""

    def __init__(self, *shape):
        self.shape = shape

    def numpy(self):
        raise AssertionError("called")

    def permute(self, *axes):
        raise AssertionError("called")


Tensor.__module__ = "torch"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "not None; cv2.imread returns None"),
        (3, "not int$"),
        (io.StringIO(), r'the file object returns str; .* the mode "rb"$'),
        (Tensor(3, 40, 50), r"not a torch tensor; call .numpy\(\) on it: image.permute\(1, 2, 0\)"),
        (Tensor(40, 50, 3), r"not a torch tensor; call .numpy\(\) on it: image.numpy\(\)$"),
        (Tensor(5, 40, 50), r"call .numpy\(\) on it: image.numpy\(\)$"),
        (Tensor(2, 3, 40, 50), r"image.permute\(0, 2, 3, 1\).numpy\(\)$"),
        ({"image": 1}, "not dict$"),
        ([[1, 2], [3, 4]], r"image 1 of 2: .*not list; .*np.asarray\(image, np.uint8\)$"),
        ([None], "image 1 of 1: .* not None"),
    ],
)
def test_a_wrong_type_is_a_type_error_with_advice(doubler, image, message):
    with pytest.raises(TypeError, match=message):
        doubler.upscale(image)


def test_a_real_tensor_gets_advice(doubler):
    import torch

    with pytest.raises(TypeError, match=r"a torch tensor; .*image.permute\(1, 2, 0\).numpy\(\)$"):
        doubler.upscale(torch.zeros(3, 8, 8))


def test_the_advice_on_a_tensor_with_a_gradient_or_on_a_device_works(doubler):
    import torch

    image = torch.zeros(3, 8, 8, requires_grad=True)
    with pytest.raises(TypeError) as caught:
        doubler.upscale(image)
    advice = str(caught.value).rpartition(": ")[2]
    assert advice == "image.permute(1, 2, 0).detach().numpy()"
    assert doubler.upscale(eval(advice, {"image": image})).shape == (16, 16, 3)
    with pytest.raises(TypeError, match=r"image.permute\(1, 2, 0\).cpu\(\).numpy\(\)$"):
        doubler.upscale(torch.zeros(3, 8, 8, device="meta"))  # stands for a GPU


def test_bytes_and_files_give_pictures(doubler, tmp_path, rng):
    array = rng.integers(0, 65536, (4, 6, 3), dtype=np.uint16)
    write_image(array, tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    expected = doubler.upscale(tmp_path / "a.png")
    for file in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        result = doubler.upscale(file)
        assert isinstance(result, Picture)
        np.testing.assert_array_equal(result.pixels, expected.pixels)
    first, second = doubler.upscale([data, tmp_path / "a.png"])
    np.testing.assert_array_equal(first.pixels, second.pixels)
    with pytest.raises(PictureError, match=r"^image 1 of 1: the bytes: ") as caught:
        doubler.upscale([b"text"])
    assert caught.value.code == "E_NOT_AN_IMAGE"
    with pytest.raises(PictureError, match=r"^the bytes: the result would be 0 x 0 pixels"):
        doubler.upscale(data, scale=0.01)
    with pytest.raises(PictureError, match=r"^the path is empty"):
        doubler.upscale("")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"scale": "2"}, TypeError, "the scale must be a number, got '2'"),
        ({"scale": True}, TypeError, "the scale must be a number, got True"),
        ({"tile": True}, TypeError, "got True"),
        ({"tile": "large"}, TypeError, "pixels, 'auto' or None, got 'large'"),
        ({"tile": 8.5}, TypeError, "got 8.5"),
        ({"tile": 0}, ValueError, "1 pixel or more"),
    ],
)
def test_wrong_options_are_refused(doubler, tiny_image, options, kind, message):
    with pytest.raises(kind, match=message):
        doubler.upscale(tiny_image, **options)


def test_numbers_of_numpy_are_numbers(batches):
    upscaler, shapes = batches
    image = random_array((20, 30, 3))
    result = upscaler.upscale(image, scale=np.float32(1.5), tile=np.int64(10))
    assert result.shape == (30, 45, 3)
    assert set(shapes) == {(1, 3, 11, 12)}  # two windows of 11 rows, three of 12 columns


def test_upscale_picture_names_the_method_for_other_kinds(doubler, tiny_image):
    with pytest.raises(TypeError, match="takes a Picture, not ndarray; use upscale"):
        doubler.upscale_picture(tiny_image)


def test_the_name_of_a_model_is_not_a_session():
    with pytest.raises(TypeError, match=r"got 'photo-x4'; use Upscaler.load\('photo-x4'\)"):
        Upscaler("photo-x4")
    with pytest.raises(TypeError, match=r"Upscaler needs a session, .*use Upscaler.load\(\)"):
        Upscaler()
    with pytest.raises(TypeError, match=r"use FaceGenerator.load\(\)"):
        FaceGenerator()


def test_a_missing_scratch_folder_is_refused(doubler, tiny_image, tmp_path):
    with pytest.raises(UsageError, match=r"scratch_folder: .*missing is not a folder; create"):
        doubler.upscale(tiny_image, scratch_folder=tmp_path / "missing")
    assert doubler.upscale(tiny_image, scratch_folder=tmp_path).shape[0] == 2 * len(tiny_image)


# Description of the upscaler.


def test_an_upscaler_describes_its_model(tiny_model, onnx_models):
    path = tiny_model()
    assert Upscaler.load(path, device="cpu").card is None
    onnx_models.write_card(path, licence="MIT")
    upscaler = Upscaler.load(path, device="cpu")
    assert (upscaler.card.licence, upscaler.device) == ("MIT", "cpu")
    assert repr(upscaler) == "<Upscaler tiny: x2 on cpu>"
    assert repr(upscaler.card) == "<ModelCard tiny: super-resolution x2, MIT>"


@pytest.mark.usefixtures("partners")
def test_the_card_of_an_average_is_that_of_the_model(partners):
    assert Upscaler.load("near", device="cpu", fidelity=0.5).card.name == "near"
    assert Upscaler.load("near", device="cpu", fidelity=1).card.name == "near"


def test_read_write_and_upscale_work_together(doubler, tmp_path):
    write_image(random_array((*SIZE, 4), np.uint16), tmp_path / "a.png")
    write_image(doubler.upscale(tmp_path / "a.png"), tmp_path / "b.png")
    result = read_image(tmp_path / "b.png")
    assert (result.width, result.height, result.channels, result.pixels.dtype) == (34, 24, 4, "u2")


@pytest.mark.parametrize("images", [random_array((9, 9, 3)), [random_array((9, 9, 3))]])
def test_a_progress_that_is_no_function_is_refused_first(fake_session, images):
    upscaler = Upscaler(fake_session(lambda images: pytest.fail("it ran")))
    with pytest.raises(TypeError, match=r"on_progress must be a function \(done, total\), got Tru"):
        upscaler.upscale(images, on_progress=True)
