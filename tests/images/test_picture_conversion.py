"""Arrays and Pillow images as pictures: `write_image`, messages of `Picture`, previews."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import OutputError, PictureError, UsageError
from srgan_gp.images import Picture, read_image, write_image
from srgan_gp.images.writing import PREVIEW_SIDE

HEIC = Path(__file__).parent / "files" / "photo.heic"


def decoded(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return image


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("~/no-such-folder/a.png", r"~ is not expanded, pass Path\(...\).expanduser\(\)$"),
        (".", "it is a folder; give a file name$"),
        ("folder/", "it is a folder; give a file name$"),
        ("no-such-folder/a.png", "its folder does not exist; create it first$"),
    ],
)
def test_a_wrong_path_is_refused_with_advice(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=message):
        write_image(np.zeros((4, 4, 3), np.uint8), path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_folder_that_takes_no_file_is_not_called_missing():
    with pytest.raises(OutputError, match="its folder takes no new file"):
        write_image(np.zeros((4, 4, 3), np.uint8), "/proc/o.png")


def test_write_image_takes_a_binary_file(rng):
    array, file = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8), io.BytesIO()
    file.write(b"header")
    assert write_image(array, file, format="png") == ()
    np.testing.assert_array_equal(np.asarray(decoded(file.getvalue()[6:])), array)
    with pytest.raises(UsageError, match='such as format="png"'):
        write_image(array, io.BytesIO())
    with pytest.raises(TypeError, match=r"a file open for writing bytes$"):
        write_image(array, io.StringIO(), format="png")


def closed_images(folder):
    """Yield Pillow images whose pixels cannot be read any more, of each error of Pillow."""
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    with Image.open(folder / "a.png") as image:
        pass
    yield image
    with (folder / "a.png").open("rb") as file:
        image = Image.open(file)
    yield image
    image = Image.new("RGB", (4, 4))
    image.close()
    yield image


def test_a_closed_pillow_image_has_one_message(tmp_path):
    for image in closed_images(tmp_path):
        with pytest.raises(ValueError, match=r"the Pillow image is closed; .*image.load\(\)"):
            write_image(image, tmp_path / "b.png")


# Writing.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,)])
def test_write_image_takes_arrays(tmp_path, rng, channels, dtype):
    array = rng.integers(1, np.iinfo(dtype).max, (5, 7, *channels), dtype=dtype)
    assert write_image(array, tmp_path / "a.png") == ()
    picture = read_image(tmp_path / "a.png")
    colours = array[..., :-1] if channels in ((2,), (4,)) else array
    np.testing.assert_array_equal(picture.pixels, colours.reshape(picture.pixels.shape))
    if channels in ((2,), (4,)):
        np.testing.assert_array_equal(picture.alpha, array[..., -1])


def test_write_image_takes_floats_and_pillow_images(tmp_path, rng):
    write_image(np.full((4, 4, 3), 0.5, np.float32), tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png").pixels == 32768).all()
    image = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    write_image(image, tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").pixels, np.asarray(image))


@pytest.mark.parametrize(
    ("image", "kind", "message"),
    [
        (np.zeros((3, 40, 50), np.uint8), ValueError, r"transpose it to \(H, W, 3\)"),
        (np.full((4, 4, 3), 255, np.float32), ValueError, "divide by 255"),
        (np.zeros((4, 4, 3)), ValueError, "float64"),
        (np.full((4, 4, 3), np.nan, np.float32), ValueError, "got NaN"),
        (np.zeros((2, 4, 4, 3), np.uint8), ValueError, r"pass one image, such as images\[0\]$"),
        ([np.zeros((4, 4, 3), np.uint8)], TypeError, "not list"),
        (None, TypeError, "not None"),
    ],
)
def test_what_is_no_image_is_refused_before_a_file_is_made(tmp_path, image, kind, message):
    with pytest.raises(kind, match=message):
        write_image(image, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_exchanged_arguments_are_recognised(tmp_path):
    picture = Picture(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(TypeError, match="an image and a path, in this order; got str and Picture"):
        write_image(str(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("quality", ["high", 90.5, True, {"jpeg": True}])
def test_the_quality_is_an_integer(tmp_path, quality):
    with pytest.raises(TypeError, match="quality must be an integer"):
        write_image(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.jpg", quality=quality)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_writing_names_the_path(tmp_path):
    array = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(OutputError, match=r"missing"):
        write_image(array, tmp_path / "missing" / "a.png")


def photo_with_metadata():
    """A Pillow image whose left half is white; shown upright, its top half is white."""
    from PIL import ImageCms

    image = Image.new("RGB", (8, 4))
    image.paste((255, 255, 255), (0, 0, 4, 4))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a dc:title="gull"/></x:xmpmeta>'
    image.info |= {
        "icc_profile": profile, "exif": exif.tobytes(), "xmp": xmp, "dpi": (300, 300),
    }  # fmt: skip
    return image


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_write_image_keeps_the_metadata_of_a_pillow_image(tmp_path, suffix):
    image = photo_with_metadata()
    assert write_image(image, tmp_path / f"a{suffix}") == ()
    picture = read_image(tmp_path / f"a{suffix}")
    assert picture.icc_profile == image.info["icc_profile"]
    assert b"maker" in picture.exif
    assert picture.xmp == image.info["xmp"]
    assert [round(value) for value in picture.dpi] == [300, 300]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("is_file", [False, True])
def test_write_image_applies_the_orientation_of_a_pillow_image(tmp_path, suffix, is_file):
    image = photo_with_metadata()
    if is_file:
        image.save(tmp_path / f"in{suffix}", exif=image.info["exif"])
        image = Image.open(tmp_path / f"in{suffix}")
    write_image(image, tmp_path / f"a{suffix}", quality=100)
    picture = read_image(tmp_path / f"a{suffix}")
    assert picture.pixels.shape == (8, 4, 3)
    assert picture.pixels[:4].min() > 200
    assert picture.pixels[4:].max() < 50


def test_write_image_names_what_it_loses_of_a_pillow_image(tmp_path):
    grey = photo_with_metadata().convert("L")
    [note] = write_image(grey, tmp_path / "a.png")
    assert note == "its ICC profile does not fit its pixels and is not used"
    frames = [Image.new("L", (4, 4), value) for value in (0, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as image:
        [note] = write_image(image, tmp_path / "b.png")
    assert note == "it has more frames or pages; only the current one is used"
    [note] = write_image(Image.new("CMYK", (4, 4)), tmp_path / "c.png")
    assert note == "its CMYK colours were converted to 8-bit sRGB"
    [note] = write_image(Image.new("L", (4, 4)).convert("I"), tmp_path / "d.png")
    assert 'pass image.convert("L")' in note


def test_a_truncated_file_of_pillow_is_damaged(tmp_path, rng):
    pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    image = Image.open(io.BytesIO(file.getvalue()[:2000]))
    with pytest.raises(PictureError, match="the JPEG file is damaged") as caught:
        write_image(image, tmp_path / "a.png")
    assert caught.value.code == "E_DAMAGED"


@pytest.mark.parametrize("name", ["jpeg", "jpg", "JPEG", ".JPG"])
def test_the_quality_of_a_format_has_any_of_its_names(tmp_path, rng, name):
    pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    write_image(pixels, tmp_path / "a.jpg", quality=20)
    write_image(pixels, tmp_path / "b.jpg", quality={"webp": 90, name: 20})
    assert (tmp_path / "b.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()


def test_the_quality_of_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UsageError, match="'foo': choose one of PNG, JPEG"):
        write_image(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.jpg", quality={"foo": 50})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_the_quality_may_be_an_integer_of_numpy(tmp_path, rng, suffix):
    pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    write_image(pixels, tmp_path / f"a{suffix}", quality=50)
    write_image(pixels, tmp_path / f"b{suffix}", quality=np.int64(50))
    assert (tmp_path / f"b{suffix}").read_bytes() == (tmp_path / f"a{suffix}").read_bytes()


# Reading.


@pytest.mark.parametrize("content", [None, b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_every_error_of_read_image_names_the_path(tmp_path, content):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    for form in (path, str(path)):
        with pytest.raises(PictureError) as caught:
            read_image(form)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("https://example.org/a.jpg", "a URL is not read, download the file first"),
        ("~/a.jpg", r"~ is not expanded, pass Path\(...\).expanduser\(\)"),
        ("photos/*.jpg", r"patterns are not expanded, pass sorted\(Path\(\).glob\(...\)\)"),
        ("a.jpg", "check the name$"),
    ],
)
def test_a_path_that_means_something_elsewhere_gets_advice(path, advice):
    with pytest.raises(PictureError, match=advice) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: it does not exist")


def test_read_image_names_its_own_parameter(tmp_path):
    write_image(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.png")
    with pytest.raises(PictureError, match=r"pass a larger max_pixels to read_image$"):
        read_image(tmp_path / "a.png", max_pixels=8)


@pytest.mark.parametrize("value", [None, 3, np.zeros((2, 2))])
def test_what_is_no_file_is_a_type_error(value):
    message = f"read_image takes a path, bytes or a file, got {type(value).__name__}"
    with pytest.raises(TypeError, match=message):
        read_image(value)


def test_an_empty_path_is_called_empty():
    with pytest.raises(PictureError, match=r"^the path is empty; pass that of an image file$"):
        read_image("")
    with pytest.raises(OutputError, match="the path is empty; give a file name"):
        write_image(np.zeros((4, 4, 3), np.uint8), "")


class Stream:
    """A binary file that cannot seek, such as the body of a response."""

    def __init__(self, data):
        self._data = data

    def read(self):
        return self._data


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, io.BytesIO, Stream])
def test_bytes_and_files_are_read_like_their_path(tmp_path, rng, form):
    pixels = rng.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    write_image(Picture(pixels, dpi=(300, 300)), tmp_path / "a.png")
    for path in (tmp_path / "a.png", HEIC):
        expected, seen = read_image(path), read_image(form(path.read_bytes()))
        np.testing.assert_array_equal(seen.pixels, expected.pixels)
        assert seen.pixels.dtype == expected.pixels.dtype
        assert (seen.exif, seen.xmp, seen.dpi) == (expected.exif, expected.xmp, expected.dpi)
    assert read_image(form((tmp_path / "a.png").read_bytes())).pixels.dtype == np.uint16


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_errors_of_bytes_have_the_code_of_the_path(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(PictureError) as of_path:
        read_image(tmp_path / "a.png")
    with pytest.raises(PictureError) as of_bytes:
        read_image(content)
    assert of_bytes.value.code == of_path.value.code
    expected = str(of_path.value).replace(str(tmp_path / "a.png"), "the bytes")
    assert str(of_bytes.value) == expected


def test_bytes_have_the_limit_of_pixels(tmp_path):
    write_image(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.png")
    with pytest.raises(
        PictureError, match=r"^the bytes: .* pass a larger max_pixels to read_image"
    ):
        read_image((tmp_path / "a.png").read_bytes(), max_pixels=8)


def test_a_file_that_gives_no_bytes_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r'returns str; .* the mode "rb"$'):
        read_image(io.StringIO("text"))
    with pytest.raises(PictureError, match=r"^the file object: .*call its seek\(0\) before"):
        read_image(io.BytesIO())
    with (tmp_path / "a.png").open("wb") as file, pytest.raises(PictureError) as caught:
        read_image(file)
    assert caught.value.code == "E_UNREADABLE"
    assert str(caught.value).endswith('; open it with the mode "rb"')
    closed = io.BytesIO(b"text")
    closed.close()
    with pytest.raises(PictureError, match=r"it cannot be read \(.*closed file.*\); open it"):
        read_image(closed)


@pytest.mark.parametrize("image", [b"\x89PNG", io.BytesIO()])
def test_write_image_of_a_file_names_read_image(image):
    with pytest.raises(TypeError, match=f"not {type(image).__name__}; pass read_image of it"):
        write_image(image, "a.png")


# Pictures.


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"pixels": [[1, 2]]}, TypeError, "pixels must be a numpy array, got list"),
        ({"pixels": None}, TypeError, "pixels must be a numpy array, got NoneType"),
        ({"pixels": np.zeros((4, 4), "u1")}, ValueError, r"pass image\[..., np.newaxis\]"),
        ({"pixels": np.zeros((3, 40, 50), "u1")}, ValueError, r"image.transpose\(1, 2, 0\)"),
        ({"pixels": np.zeros((4, 4, 3))}, ValueError, "astype"),
        ({"pixels": np.zeros((4, 4, 4), "u1")}, ValueError, r"alpha=image\[..., -1\]"),
        ({"pixels": np.zeros((4, 4, 2), "u1")}, ValueError, r"alpha=image\[..., -1\]"),
        ({"pixels": np.zeros((0, 4, 4), "u1")}, ValueError, r"got \(0, 4, 4\); it is empty$"),
        ({"pixels": np.zeros((4, 0, 2), "u1")}, ValueError, r"got \(4, 0, 2\); it is empty$"),
        ({"pixels": np.zeros((0, 4), "u1")}, ValueError, r"got \(0, 4\); it is empty$"),
        ({"pixels": np.zeros(4, "u1")}, ValueError, r"got \(4,\)$"),
        ({"pixels": np.zeros((4, 4, 3), "u1"), "alpha": 255}, TypeError, "alpha must be a numpy"),
    ],
)
def test_a_wrong_picture_is_refused_with_advice(fields, kind, message):
    with pytest.raises(kind, match=message):
        Picture(**fields)


@pytest.mark.parametrize(
    ("shape", "dtype", "fields", "text"),
    [
        ((4, 6, 3), np.uint8, {}, "<Picture 6 x 4, RGB, uint8>"),
        ((4, 6, 1), np.uint16, {"alpha": 1}, "<Picture 6 x 4, grey with alpha, uint16>"),
        ((4, 6, 3), np.uint8, {"source_format": "JPEG"}, "<Picture 6 x 4, RGB, uint8, from JPEG>"),
    ],
)
def test_a_picture_describes_itself(shape, dtype, fields, text):
    if "alpha" in fields:
        fields = {"alpha": np.ones(shape[:2], dtype)}
    assert repr(Picture(np.zeros(shape, dtype), **fields)) == text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("channels", "has_alpha", "shape"),
    [(1, False, (4, 6)), (1, True, (4, 6, 2)), (3, False, (4, 6, 3)), (3, True, (4, 6, 4))],
)
def test_numpy_takes_a_picture_as_an_array(channels, has_alpha, shape, dtype):
    alpha = np.ones((4, 6), dtype) if has_alpha else None
    array = np.asarray(Picture(np.zeros((4, 6, channels), dtype), alpha=alpha))
    assert (array.shape, array.dtype) == (shape, dtype)
    if has_alpha:
        assert (array[..., -1] == 1).all()
        assert not array[..., :-1].any()


def test_pillow_takes_a_picture_through_numpy():
    picture = Picture(np.full((4, 6, 1), 7, np.uint8))
    assert Image.fromarray(np.asarray(picture)).mode == "L"
    assert np.array(picture).base is None  # a copy


# Previews.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("channels", "has_alpha", "mode"),
    [(1, False, "L"), (1, True, "LA"), (3, False, "RGB"), (3, True, "RGBA")],
)
def test_a_notebook_shows_a_picture_as_png(channels, has_alpha, mode, dtype):
    full = np.array(1 if dtype == np.float32 else np.iinfo(dtype).max, dtype)
    picture = Picture(
        np.full((4, 6, channels), full, dtype),
        alpha=np.full((4, 6), full, dtype) if has_alpha else None,
    )
    image = decoded(picture._repr_png_())
    assert (image.format, image.mode, image.size) == ("PNG", mode, (6, 4))
    assert (np.asarray(image) == 255).all()


def test_a_preview_of_a_large_picture_is_small():
    pixels = np.full((6000, 1500, 3), 77, np.uint8)
    image = decoded(Picture(pixels)._repr_png_())
    assert image.size == (PREVIEW_SIDE // 4, PREVIEW_SIDE)
    assert (np.asarray(image) == 77).all()


def test_a_preview_has_the_profile_of_the_picture():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Picture(np.zeros((4, 4, 3), np.uint8), icc_profile=profile)
    assert decoded(picture._repr_png_()).info["icc_profile"] == profile
