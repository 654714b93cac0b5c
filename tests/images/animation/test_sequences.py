import itertools
import struct
import weakref

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images import Frame, FrameSequence, Picture, read_image, read_sequence, write_sequence
from srgan_gp.images.animation.sequence_writing import choose_sequence_format

ANIMATED = ("png", "webp", "gif")
MILLISECONDS = (40, 10, 250, 0, 70)


def moving(count=5, size=(20, 30), has_alpha=False):
    """Images of few colours in which a square moves to the right."""
    for index in range(count):
        pixels = np.full((*size, 3), (10, 200, 90), np.uint8)
        pixels[4:9, 3 * index : 3 * index + 6] = (250, 20 * index, 0)
        alpha = np.full(size, 255, np.uint8)
        alpha[index : index + 2] = 0
        yield Picture(pixels, alpha if has_alpha else None)


def sequence_of(pictures, milliseconds=MILLISECONDS, **facts):
    pictures = list(pictures)
    frames = itertools.starmap(Frame, zip(pictures, itertools.cycle(milliseconds), strict=False))
    values = {"kind": "animation", "width": 30, "height": 20, "source_format": "WEBP"} | facts
    return FrameSequence(frames=frames, count=len(pictures), **values)


def written(tmp_path, sequence, format, **options):
    path = tmp_path / f"sequence.{format}"
    with path.open("wb") as file:
        warnings = write_sequence(sequence, file, format=format, **options)
    return path, warnings


def pillow_frames(path):
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            yield np.asarray(frame.convert("RGBA")), frame.info.get("duration", 0)


def saved(tmp_path, name, pictures, **options):
    """Write an animation with Pillow."""
    first, *others = (Image.fromarray(picture.pixels) for picture in pictures)
    path = tmp_path / name
    first.save(path, save_all=True, append_images=others, **options)
    return path


@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("format", ANIMATED)
def test_pillow_reads_every_frame(tmp_path, format, has_alpha):
    sequence = sequence_of(moving(has_alpha=has_alpha))
    path, _ = written(tmp_path, sequence, format, quality=100)
    shown = list(pillow_frames(path))
    assert [milliseconds for _, milliseconds in shown] == list(MILLISECONDS)
    for (pixels, _), picture in zip(shown, moving(has_alpha=has_alpha), strict=True):
        visible = pixels[..., 3] > 0
        np.testing.assert_array_equal(pixels[visible][:, :3], picture.pixels[visible])
        if has_alpha:
            np.testing.assert_array_equal(pixels[..., 3], picture.alpha)


@pytest.mark.parametrize("plays", [0, 1, 2, 65_535])
@pytest.mark.parametrize("format", ANIMATED)
def test_frames_times_and_plays_are_written_and_read(tmp_path, format, plays):
    path, _ = written(tmp_path, sequence_of(moving(), plays=plays), format, quality=100)
    sequence = read_sequence(path)
    assert (sequence.count, sequence.kind, sequence.plays) == (5, "animation", plays)
    assert (sequence.width, sequence.height) == (30, 20)
    for frame, milliseconds, picture in zip(sequence.frames, MILLISECONDS, moving(), strict=True):
        assert frame.milliseconds == milliseconds
        np.testing.assert_array_equal(frame.picture.pixels, picture.pixels)


@pytest.mark.parametrize("loop", [None, 0, 1, 7])
def test_a_gif_stores_repetitions_and_not_plays(tmp_path, loop):
    options = {} if loop is None else {"loop": loop}
    sequence = read_sequence(saved(tmp_path, "a.gif", moving(), duration=50, **options))
    assert sequence.plays == {None: 1, 0: 0, 1: 2, 7: 8}[loop]
    path, _ = written(tmp_path, sequence, "gif")
    with Image.open(path) as image:
        assert image.info.get("loop") == loop


def test_rounding_errors_of_frame_times_do_not_accumulate(tmp_path):
    third = 1000 / 30
    for format in ANIMATED:
        path, _ = written(tmp_path, sequence_of(moving(6), [third]), format, quality=100)
        times = [frame.milliseconds for frame in read_sequence(path).frames]
        assert sum(times) == pytest.approx(200)
        if format == "png":
            assert path.read_bytes().count(struct.pack(">HH", 1, 30)) == 6
        else:
            assert max(times) - min(times) == {"webp": 1, "gif": 10}[format]


def test_equal_frames_are_stored_once(tmp_path):
    still = [next(moving())] * 5
    sizes = {
        format: [
            written(tmp_path, sequence_of(pictures), format, quality=100)[0].stat().st_size
            for pictures in (still, still[:1] * 2)
        ]
        for format in ANIMATED
    }
    for format, (five, two) in sizes.items():
        assert (five - two) / 3 < 150, format


def test_the_colours_of_a_gif_are_close_to_the_original(tmp_path, rng):
    y, x = np.mgrid[:40, :60]
    pixels = np.stack([x * 4, y * 6, (x + y) * 2], axis=2).astype(np.uint8)
    path, warnings = written(tmp_path, sequence_of([Picture(pixels)] * 2), "gif")
    assert warnings == ("GIF has 256 colours and no partial transparency",)
    shown = next(read_sequence(path).frames).picture.pixels
    assert np.abs(shown.astype(int) - pixels).mean() < 6


def test_an_animation_has_the_metadata_of_its_first_frame(tmp_path, make):
    block = make.exif({0x0112: 1, 0x0100: 5})
    first, *others = moving()
    first = Picture(first.pixels, exif=block, xmp=b"<x/>", dpi=(72, 72))
    for format in ("png", "webp"):
        path, warnings = written(tmp_path, sequence_of([first, *others]), format)
        assert warnings == ()
        picture = next(read_sequence(path).frames).picture
        assert picture.exif == make.exif({0x0112: 1, 0x0100: 30})
        assert picture.xmp == b"<x/>"
        bare, _ = written(tmp_path, sequence_of([first, *others]), format, strip_metadata=True)
        assert next(read_sequence(bare).frames).picture.exif is None


def test_at_most_three_frames_are_in_memory(tmp_path):
    alive, most = weakref.WeakSet(), 0

    def frames():
        nonlocal most
        for picture in moving(12):
            alive.add(picture)
            most = max(most, len(alive))
            yield Frame(picture, 40)
            del picture

    sequence = FrameSequence(frames=frames(), count=12, kind="animation", width=30, height=20)
    written(tmp_path, sequence, "webp")
    assert most <= 3


def test_pages_keep_their_own_size_depth_and_metadata(tmp_path, rng, make):
    shapes = [((5, 7, 3), np.uint8), ((9, 4, 3), np.uint16), ((3, 3, 1), np.uint16)]
    pictures = [
        Picture(
            rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True),
            exif=make.exif({0x0112: 1}, exif_entries={0x8827: 100 * number}),
            dpi=(72 + number, 72 + number),
        )
        for number, (shape, dtype) in enumerate(shapes)
    ]
    sequence = sequence_of(pictures, kind="pages", source_format="TIFF")
    path, warnings = written(tmp_path, sequence, "tif")
    assert warnings == ()
    back = read_sequence(path)
    assert (back.kind, back.count, back.width, back.height) == ("pages", 3, 7, 9)
    for frame, picture in zip(back.frames, pictures, strict=True):
        np.testing.assert_array_equal(frame.picture.pixels, picture.pixels)
        assert frame.picture.dpi == picture.dpi
        assert frame.milliseconds == 0
    _, seen = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    for array, picture in zip(seen, pictures, strict=True):
        rgb = array[..., ::-1] if array.ndim == 3 else array[..., np.newaxis]
        np.testing.assert_array_equal(rgb, picture.pixels)
    with Image.open(path) as image:
        for number in range(3):
            image.seek(number)
            assert image.getexif().get_ifd(0x8769)[0x8827] == 100 * number


def test_thumbnails_and_masks_are_not_pages(tmp_path):
    path = tmp_path / "a.tif"
    first, *others = (Image.new("RGB", (8 - index, 6)) for index in range(4))
    first.save(path, save_all=True, append_images=others, tiffinfo={254: 0})
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    for kind in (0, 1, 4, 0):
        (count,) = struct.unpack_from("<H", data, start)
        struct.pack_into("<I", data, start + 2 + 8, kind)  # its tag is the lowest, so it is first
        (start,) = struct.unpack_from("<I", data, start + 2 + 12 * count)
    path.write_bytes(data)
    sequence = read_sequence(path)
    assert sequence.notes == ("the thumbnails and masks of its pages are not kept",)
    assert [frame.picture.width for frame in sequence.frames] == [8, 5]


def test_the_size_of_a_turned_still_image_is_that_after_the_orientation(tmp_path):
    image = Image.new("RGB", (8, 6))
    exif = image.getexif()
    exif[274] = 6  # turned by 90 degrees
    image.save(tmp_path / "a.jpg", exif=exif)
    sequence = read_sequence(tmp_path / "a.jpg")
    assert (sequence.width, sequence.height) == (6, 8)


def test_a_still_image_is_a_sequence_of_one(tmp_path, rng):
    path = tmp_path / "a.png"
    pixels = rng.integers(0, 255, (5, 7, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    sequence = read_sequence(path)
    assert (sequence.kind, sequence.count, sequence.width, sequence.height) == ("still", 1, 7, 5)
    [frame] = sequence.frames
    np.testing.assert_array_equal(frame.picture.pixels, pixels)
    copy, _ = written(tmp_path, read_sequence(path), "bmp")
    np.testing.assert_array_equal(read_image(copy).pixels, pixels)


@pytest.mark.parametrize(
    ("source", "format", "expected"),
    [("WEBP", None, "WEBP"), ("PNG", None, "PNG"), ("GIF", None, "PNG"), ("AVIF", None, "PNG"),
     ("GIF", "gif", "GIF"), ("GIF", "webp", "WEBP"), ("WEBP", "gif", "GIF")],
)  # fmt: skip
def test_the_format_of_an_animation(source, format, expected):
    assert choose_sequence_format(sequence_of(moving(), source_format=source), format) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [("JPEG", "JPEG"), ("AVIF", "AVIF"), ("GIF", "PNG"), ("HEIF", "PNG"), (None, "PNG")],
)
def test_the_default_format_of_a_still_image_can_be_written_and_keeps_colours(source, expected):
    still = FrameSequence(iter(()), 1, "still", 1, 1, source_format=source)
    assert choose_sequence_format(still) == expected
    assert choose_sequence_format(still, "gif") == "GIF"


def test_a_gif_that_becomes_a_png_has_a_warning(tmp_path):
    for format, has_warning in (("png", True), ("gif", False)):
        _, warnings = written(tmp_path, sequence_of(moving(), source_format="GIF"), format)
        assert any("-f gif keeps GIF" in warning for warning in warnings) == has_warning


def test_the_further_images_of_a_jpeg_are_noted(tmp_path):
    path = tmp_path / "a.mpo"
    image = Image.new("RGB", (16, 8))
    image.save(path, save_all=True, append_images=[image])
    sequence = read_sequence(path)
    assert (sequence.kind, sequence.source_format) == ("still", "JPEG")
    assert sequence.notes == ("its further images or maps are not kept",)


@pytest.mark.parametrize("format", ["jpeg", "tiff", "bmp", "avif"])
def test_a_format_without_frames_is_refused_before_any_is_read(tmp_path, format):
    def frames():
        raise AssertionError("read")
        yield

    sequence = FrameSequence(frames=frames(), count=3, kind="animation", width=1, height=1)
    with pytest.raises(PictureError, match="cannot hold 3 frames; choose PNG or WEBP") as caught:
        written(tmp_path, sequence, format)
    assert caught.value.code == "E_FRAMES"
    with pytest.raises(PictureError, match="cannot hold 3 pages; choose TIFF"):
        choose_sequence_format(FrameSequence(frames(), 3, "pages", 1, 1), "png")
    with pytest.raises(UsageError):
        choose_sequence_format(sequence, "heic")


@pytest.mark.parametrize(("format", "has_alpha"), [("png", False), ("gif", True)])
def test_frames_of_two_sizes_are_an_error(tmp_path, format, has_alpha):
    pictures = [*moving(1, has_alpha=has_alpha), *moving(1, (21, 30), has_alpha=has_alpha)]
    with pytest.raises(PictureError, match="same size"):
        written(tmp_path, sequence_of(pictures), format)


def test_changed_computes_each_frame_on_demand(tmp_path):
    seen = []

    def doubled(picture):
        seen.append(picture)
        return Picture(picture.pixels.repeat(2, axis=0).repeat(2, axis=1))

    sequence = read_sequence(saved(tmp_path, "a.webp", moving(), duration=40, lossless=True))
    larger = sequence.changed(doubled)
    assert seen == []
    path, _ = written(tmp_path, larger, "webp", quality=100)
    assert len(seen) == 5
    with Image.open(path) as image:
        assert (image.size, image.n_frames) == ((60, 40), 5)
