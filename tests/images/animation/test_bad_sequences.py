import io
import struct
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images import Frame, FrameSequence, Picture, read_sequence, write_sequence
from srgan_gp.images.animation import animated_webp, sequence_reading
from srgan_gp.images.codecs.avif import read_avif_depth
from srgan_gp.images.codecs.png import SIGNATURE, chunk, iter_chunks
from srgan_gp.images.codecs.tiff_pages import write_pages
from srgan_gp.images.image_header import read_header

OPTIONS = {
    "png": {"duration": 40}, "webp": {"duration": 40, "lossless": True},
    "gif": {"duration": 40}, "tif": {}, "avif": {"duration": 40},
}  # fmt: skip


def saved(path, count=3, size=(12, 10), **options):
    """Write a sequence of different frames with Pillow."""
    first, *others = (Image.new("RGB", size, (80 * index, 9, 255)) for index in range(count))
    first.save(path, save_all=True, append_images=others, **OPTIONS[path.suffix[1:]] | options)
    return path


def read(path, **options):
    sequence = read_sequence(path, **options)
    return sequence, [frame.picture for frame in sequence.frames]


def code_of(path, **options):
    with pytest.raises(PictureError) as caught:
        read(path, **options)
    return caught.value.code


@pytest.mark.parametrize("format", OPTIONS)
def test_all_frames_count_against_the_limit(tmp_path, format):
    path = saved(tmp_path / f"a.{format}")
    assert len(read(path, max_pixels=360)[1]) == 3
    with pytest.raises(PictureError, match="3 frames or pages have 360 pixels") as caught:
        read_sequence(path, max_pixels=359)
    assert caught.value.code == "E_TOO_MANY_PIXELS"


@pytest.mark.parametrize("format", OPTIONS)
def test_too_many_frames_are_refused_before_any_is_decoded(tmp_path, monkeypatch, format):
    monkeypatch.setattr(sequence_reading, "MAX_FRAMES", 2)
    assert code_of(saved(tmp_path / f"a.{format}")) == "E_TOO_MANY_FRAMES"


def test_a_million_frames_of_a_gif_are_refused_quickly(tmp_path):
    path = saved(tmp_path / "a.gif", count=2)
    data = path.read_bytes()
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    path.write_bytes(data[:-1] + frame * 1_000_000 + b";")
    started = time.thread_time()
    assert code_of(path) == "E_TOO_MANY_FRAMES"
    assert time.thread_time() - started < 5


@pytest.mark.parametrize("format", OPTIONS)
def test_a_truncated_sequence_is_refused_or_complete(tmp_path, format):
    path = saved(tmp_path / f"a.{format}", size=(3, 2))
    data, whole = path.read_bytes(), [picture.pixels for picture in read(path)[1]]
    for length in range(0, len(data), max(1, len(data) // 150)):
        path.write_bytes(data[:length])
        try:
            sequence, pictures = read(path)
        except PictureError:
            continue
        # A GIF does not store its number of frames, so it may end between two of them.
        assert sequence.count == 3 or format == "gif"
        for picture, expected in zip(pictures, whole, strict=False):
            np.testing.assert_array_equal(picture.pixels, expected)


@pytest.mark.parametrize("format", OPTIONS)
def test_changed_bytes_give_a_sequence_or_a_picture_error(tmp_path, format):
    path = saved(tmp_path / f"a.{format}")
    data = path.read_bytes()

    @settings(max_examples=50, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=8))
    def check(changes):
        changed = bytearray(data)
        for position, value in changes:
            changed[position] = value
        path.write_bytes(changed)
        with suppress(PictureError):
            read(path, max_pixels=100_000)

    check()


def test_a_changed_byte_in_a_later_frame_of_an_apng_is_detected(tmp_path):
    path = saved(tmp_path / "a.png")
    data = path.read_bytes()
    place = data.rindex(b"fdAT") + 10
    path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
    assert code_of(path) == "E_DAMAGED"


def test_an_apng_with_too_few_frames_is_damaged(tmp_path):
    path = saved(tmp_path / "a.png")
    parts = [
        (kind, struct.pack(">II", 9, 0) if kind == b"acTL" else content)
        for kind, content in iter_chunks(path.read_bytes())
    ]
    path.write_bytes(SIGNATURE + b"".join(chunk(*part) for part in parts))
    with pytest.raises(PictureError, match=r"frame 4 cannot be read: .*--frames first"):
        read(path)


def test_the_default_image_of_an_apng_is_not_a_frame(tmp_path):
    path = saved(tmp_path / "a.png", default_image=True)
    sequence, pictures = read(path)
    assert (sequence.count, sequence.notes) == (
        2,
        ("its still image for viewers without animation is not kept",),
    )
    assert [picture.pixels[0, 0, 0] for picture in pictures] == [80, 160]


def test_the_default_image_of_an_apng_with_one_frame_is_read_as_a_still(tmp_path):
    path = saved(tmp_path / "a.png", count=2, default_image=True)
    sequence, [picture] = read(path)
    assert (sequence.kind, sequence.notes) == ("still", ("its one-frame animation is not kept",))
    assert picture.pixels[0, 0, 0] == 0


def test_the_default_image_of_an_apng_is_not_counted_in_its_header(tmp_path):
    path = saved(tmp_path / "a.png", default_image=True)
    assert read_header(path).frames == read_sequence(path).count == 2


def test_a_damaged_time_of_a_later_frame_of_an_apng_is_found(tmp_path):
    path = saved(tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    data[data.rindex(b"fcTL") + 4 + 21] ^= 1  # the lower byte of the numerator
    path.write_bytes(data)
    assert code_of(path) == "E_DAMAGED"


def test_a_page_that_is_a_bigtiff_is_refused():
    page = Picture(np.zeros((1, 1, 3), np.uint8))
    sequence = FrameSequence(iter([Frame(page)]), 1, "pages", 1, 1)
    big = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 0)
    with pytest.raises(PictureError, match="more than 4 GiB") as caught:
        write_pages(io.BytesIO(), sequence.frames, sequence, lambda _: big)
    assert caught.value.code == "E_ENCODER_LIMIT"


def test_the_size_field_of_a_webp_is_limited_not_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.webp"
    picture = Picture(np.zeros((4, 4, 3), np.uint8))

    def write():
        sequence = FrameSequence(iter([Frame(picture), Frame(picture)]), 2, "animation", 4, 4)
        with path.open("wb") as file:
            write_sequence(sequence, file, format="webp")

    write()
    size_field = path.stat().st_size - 8
    monkeypatch.setattr(animated_webp, "_MAX_RIFF_SIZE", size_field)
    write()
    monkeypatch.setattr(animated_webp, "_MAX_RIFF_SIZE", size_field - 1)
    with pytest.raises(PictureError, match="would exceed the 4 GiB") as caught:
        write()
    assert caught.value.code == "E_ENCODER_LIMIT"


def test_a_gif_frame_beyond_its_canvas_is_cropped(tmp_path):
    path = saved(tmp_path / "a.gif")
    data = bytearray(path.read_bytes())
    place = data.rindex(b",\0\0\0\0" + struct.pack("<HH", 12, 10))
    struct.pack_into("<HH", data, place + 1, 3, 2)  # moved by 3 and 2, the frame ends outside
    path.write_bytes(data)
    sequence, pictures = read(path)
    assert (sequence.width, sequence.height) == (12, 10)
    assert [picture.pixels.shape for picture in pictures] == [(10, 12, 3)] * 3
    struct.pack_into("<HH", data, place + 5, 60_000, 60_000)
    path.write_bytes(data)
    assert code_of(path) == "E_TOO_MANY_PIXELS"


def test_pages_in_a_loop_are_an_error(tmp_path):
    path = saved(tmp_path / "a.tif")
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    path.write_bytes(data)
    with pytest.raises(PictureError, match="loop") as caught:
        read_sequence(path)
    assert caught.value.code == "E_DAMAGED"


def test_a_sequence_that_changes_while_it_is_read_is_refused(tmp_path):
    path = saved(tmp_path / "a.gif")
    sequence = read_sequence(path)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(PictureError) as caught:
        next(sequence.frames)
    assert caught.value.code == "E_CHANGED"


def test_16_bit_frames_are_read_as_8_bits_with_a_note(tmp_path, make):
    samples = np.full((2, 3, 3), 0x1234, np.uint16)
    still = dict(iter_chunks(make.png(samples)))
    control = struct.pack(">5IHHBB", 0, 3, 2, 0, 0, 1, 10, 0, 0)
    again = struct.pack(">5IHHBB", 1, 3, 2, 0, 0, 1, 10, 0, 0)
    parts = [
        (b"IHDR", still[b"IHDR"]), (b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", control),
        (b"IDAT", still[b"IDAT"]), (b"fcTL", again),
        (b"fdAT", struct.pack(">I", 2) + still[b"IDAT"]), (b"IEND", b""),
    ]  # fmt: skip
    path = tmp_path / "a.png"
    path.write_bytes(SIGNATURE + b"".join(chunk(*part) for part in parts))
    sequence, pictures = read(path)
    assert sequence.notes == ("its frames of 16 bits were read as 8 bits",)
    assert [picture.pixels[0, 0, 0] for picture in pictures] == [0x12, 0x12]


@pytest.mark.parametrize(("flags", "bits"), [(0x00, 8), (0x0C, 8), (0x4C, 10), (0x60, 12)])
def test_the_depth_of_an_avif_is_read_from_its_header(flags, bits):
    assert read_avif_depth(b"....av1C\x81\x00" + bytes([flags]) + b"\0") == bits
    assert read_avif_depth(b"no such box") == 8
