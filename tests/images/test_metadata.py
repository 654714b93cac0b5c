import contextlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from srgan_gp.images.codecs.tiff import reset_tiff_orientation
from srgan_gp.images.metadata import (
    apply_orientation,
    matching_profile,
    read_exif,
    read_orientation,
    read_xmp,
    update_exif,
    update_xmp,
)


def by_pillow(block):
    """The first directory and the Exif directory of a block, read by Pillow."""
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    return dict(exif), dict(exif.get_ifd(0x8769))


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_and_sizes_are_updated_and_the_rest_is_kept(make, order):
    block = make.exif(
        {0x0112: 6, 0x0100: 40, 0x0101: 30, 0x010F: 77},
        order=order,
        exif_entries={0xA002: 40, 0xA003: 30, 0x8827: 400},
    )
    first, details = by_pillow(update_exif(block, height=120, width=160))
    assert first[0x0112] == 1
    assert (first[0x0100], first[0x0101]) == (160, 120)
    assert first[0x010F] == 77
    assert details == {0xA002: 160, 0xA003: 120, 0x8827: 400}


def test_a_size_above_65535_becomes_a_long_number(make):
    block = make.exif({0x0112: 3}, exif_entries={0xA002: 40, 0xA003: 30})
    _, details = by_pillow(update_exif(block, height=5, width=70_000))
    assert details == {0xA002: 70_000, 0xA003: 5}


def test_a_maker_note_keeps_its_offset_and_bytes(make):
    note = bytes(range(256))
    block = make.exif({0x0112: 6}, exif_entries={0xA002: 40}, tail=note)
    corrected = update_exif(block, height=1, width=1)
    assert corrected.index(note) == block.index(note)
    assert len(corrected) == len(block)


@pytest.mark.parametrize("tail", [b"", b"maker note"])
def test_the_thumbnail_is_removed_and_not_only_unlinked(make, tail):
    block = make.exif({0x0112: 6, 0x010F: 77}, thumbnail=b"\xff\xd8face\xff\xd9", tail=tail)
    corrected = update_exif(block, height=1, width=1)
    assert b"face" not in corrected
    assert corrected.endswith(tail)
    assert len(corrected) == len(block) - (0 if tail else len(b"\xff\xd8face\xff\xd9"))
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + corrected)
    assert exif.get_ifd(1) == {}  # the directory of the thumbnail
    assert exif[0x010F] == 77


def test_an_invalid_link_is_removed(make):
    block = bytearray(make.exif({0x0112: 6}))
    block[-4:] = struct.pack(">I", 60_000)
    assert update_exif(bytes(block), height=1, width=1)[-4:] == b"\0\0\0\0"


def test_a_block_without_a_link_is_accepted(make):
    block = make.exif({0x0112: 6})[:-4]
    assert len(update_exif(block, height=1, width=1)) == len(block)


def test_a_thumbnail_outside_the_block_is_ignored(make):
    block = bytearray(make.exif({0x0112: 6}, thumbnail=b"face"))
    length_at = block.index(struct.pack(">HHI", 0x0202, 4, 1)) + 8
    block[length_at : length_at + 4] = struct.pack(">I", 0xFFFFFFFF)
    assert len(update_exif(bytes(block), height=1, width=1)) == len(block)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 75), st.integers(0, 255)), max_size=6), st.integers(0, 90))
def test_damaged_blocks_raise_one_of_two_errors_or_keep_their_length(make, changes, length):
    block = make.exif({0x0112: 6}, exif_entries={0xA002: 4}, thumbnail=b"face", tail=b"end")
    changed = bytearray(block)
    for position, value in changes:
        changed[position] = value
    changed = changed[:length]
    with contextlib.suppress(ValueError, struct.error):
        assert len(update_exif(bytes(changed), height=1, width=1)) <= len(changed)


def test_xmp_numbers_are_updated_in_attributes_and_elements():
    packet = (
        b'<a tiff:Orientation="6" exif:PixelXDimension = \'40\' dc:title="Orientation 6"/>'
        b"<tiff:ImageWidth>40</tiff:ImageWidth><tiff:ImageLength> 30 </tiff:ImageLength>"
        b"<tiff:Orientation>8</tiff:Orientation>"
    )
    assert update_xmp(packet, height=120, width=160) == (
        b'<a tiff:Orientation="1" exif:PixelXDimension = \'160\' dc:title="Orientation 6"/>'
        b"<tiff:ImageWidth>160</tiff:ImageWidth><tiff:ImageLength>120</tiff:ImageLength>"
        b"<tiff:Orientation>1</tiff:Orientation>"
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(2, 3, 3), (1, 4, 1), (5, 1, 1)])
def test_apply_orientation_agrees_with_numpy(rng, turned, orientation, shape):
    stored = rng.integers(0, 255, shape, np.uint8)
    np.testing.assert_array_equal(
        apply_orientation(stored, orientation), turned[orientation](stored)
    )


def test_the_orientation_in_a_tiff_file_is_set_to_1_and_nothing_else(make, rng):
    samples = rng.integers(0, 65535, (3, 4, 3), np.uint16)
    for order in ("<", ">"):
        for is_big in (False, True):
            data = make.tiff(samples, order=order, is_big=is_big, tags=[(274, 3, [6])])
            plain = make.tiff(samples, order=order, is_big=is_big, tags=[(274, 3, [1])])
            assert reset_tiff_orientation(data) == plain


class Broken(Image.Image):
    """An image whose EXIF cannot be read at all."""

    def __init__(self, **info):
        super().__init__()
        self.info = info

    def getexif(self):
        raise SyntaxError("broken")


def test_unreadable_exif_is_ignored():
    assert read_orientation(Broken()) == 1
    assert read_exif(Broken(**{"Raw profile type exif": "junk"})) is None


def test_exif_in_a_png_text_chunk_is_read(make, rng):
    block = make.exif({0x0128: 2})
    text = f"\nexif\n{len(block) + 6:8}\n{(b'Exif' + bytes(2) + block).hex()}\n"
    chunk = b"Raw profile type exif\0" + text.encode()
    data = make.png(rng.integers(0, 9, (2, 2, 3), np.uint8), chunks=[(b"tEXt", chunk)])
    with Image.open(io.BytesIO(data)) as image:
        assert by_pillow(read_exif(image))[0] == {0x0128: 2}


def test_xmp_is_text_or_bytes_or_missing():
    assert read_xmp(Broken(xmp="<x/>")) == b"<x/>"
    assert read_xmp(Broken(xmp=b"<x/>")) == b"<x/>"
    assert read_xmp(Broken(xmp=b"")) is None
    assert read_xmp(Broken()) is None


def test_a_profile_matches_pixels_of_its_own_space():
    def profile(space):
        return b"\0" * 16 + space + b"\0" * 16 + b"acsp" + b"\0" * 100

    assert matching_profile(profile(b"RGB "), 3) == profile(b"RGB ")
    assert matching_profile(profile(b"GRAY"), 1) == profile(b"GRAY")
    assert matching_profile(profile(b"CMYK"), 3) is None
    assert matching_profile(profile(b"RGB "), 1) is None
    assert matching_profile(profile(b"RGB ")[:100], 3) is None
    assert matching_profile(None, 3) is None


@pytest.mark.parametrize("start", [8, 20, 25])
def test_a_thumbnail_that_overlaps_the_first_directory_is_kept(make, start):
    block = bytearray(make.exif({0x0112: 6}, thumbnail=b"face"))
    size = len(block)
    for tag, value in ((0x0201, start), (0x0202, size - start)):
        position = block.index(struct.pack(">HHI", tag, 4, 1))
        struct.pack_into(">I", block, position + 8, value)
    updated = update_exif(bytes(block), height=1, width=1)
    exif = Image.Exif()
    exif.load(updated)
    assert (len(updated), exif[0x0112], exif.get_ifd(1)) == (size, 1, {})
