"""The expected values are read by Pillow's own parser of EXIF."""

import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from srgan_gp.images.codecs.exif_resolution import read_exif_resolution, set_exif_resolution

NOTE = bytes(range(200, 256))


def loaded(block):
    exif = Image.Exif()
    exif.load(block)
    return exif


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tail", [NOTE, NOTE[:-1]])
def test_the_resolution_is_added_and_everything_else_is_kept(make, order, tail):
    block = make.exif({0x0112: 6, 0x010F: 77}, order=order, exif_entries={0x8827: 400}, tail=tail)
    changed = set_exif_resolution(block, (300.5, 150))
    exif = loaded(changed)
    assert (float(exif[282]), exif[283], exif[296]) == (300.5, 150, 2)
    assert (exif[0x0112], exif[0x010F]) == (6, 77)
    assert exif.get_ifd(0x8769) == {0x8827: 400}
    assert changed.index(tail) == block.index(tail)
    assert read_exif_resolution(changed) == (300.5, 150)


def test_a_resolution_that_is_the_same_changes_nothing(make):
    block = set_exif_resolution(make.exif({0x0112: 1}), (300, 300))
    assert set_exif_resolution(block, (300, 300)) == block


def test_another_resolution_replaces_the_old_one():
    block = set_exif_resolution(set_exif_resolution(None, (300, 300)), (72, 96))
    assert (loaded(block)[282], loaded(block)[283]) == (72, 96)
    assert sorted(loaded(block)) == [282, 283, 296]


@pytest.mark.parametrize("number", [np.float32, TiffImagePlugin.IFDRational])
def test_numbers_of_other_types_are_taken(number):
    block = set_exif_resolution(None, (number(300.5), number(150)))
    assert (float(loaded(block)[282]), loaded(block)[283]) == (300.5, 150)


def test_the_link_to_the_next_directory_is_kept(make):
    block = make.exif({0x0112: 1}, thumbnail=b"\xff\xd8face\xff\xd9")
    assert loaded(set_exif_resolution(block, (300, 300))).get_ifd(1) == loaded(block).get_ifd(1)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({282: 300.0, 283: 150.0, 296: 2}, (300, 150)),
        ({282: 300.0, 283: 150.0}, (300, 150)),  # the standard's default is the inch
        ({282: 118.11, 283: 118.11, 296: 3}, (299.9994, 299.9994)),  # per centimetre
        ({282: 300.0, 283: 300.0, 296: 1}, None),  # no unit of length
        ({282: 0.0, 283: 300.0, 296: 2}, None),
        ({282: 300.0, 296: 2}, None),
        ({282: 70_000.0, 283: 70_000.0}, None),
        ({}, None),
    ],
)
def test_units_and_invalid_values(tags, expected):
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    found = read_exif_resolution(exif.tobytes())
    assert found == (expected and pytest.approx(expected))


def test_damaged_blocks(make):
    assert read_exif_resolution(b"no exif") is None
    with pytest.raises(ValueError, match="TIFF header"):
        set_exif_resolution(b"no exif, but longer", (300, 300))
    with pytest.raises(struct.error):
        set_exif_resolution(make.exif({0x0112: 1})[:12], (300, 300))
