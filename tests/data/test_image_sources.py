import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from srgan_gp.data.image_sources import (
    ImageFile,
    fingerprint,
    list_all_images,
    list_images,
    write_list,
)
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images.colour import as_8_bit_rgb


def encoded(value, size=(5, 4)):
    file = io.BytesIO()
    Image.new("RGB", size, (value, 0, 255 - value)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "shard.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, value in (("b/two.png", 2), ("a/one.PNG", 1), ("a/notes.txt", 0)):
            file.writestr(name, encoded(value))
        file.writestr("a/broken.png", b"\x89PNG\r\n\x1a\n")
        file.writestr("ab/three.png", encoded(3))
    return path


def encoded_png(width, height):
    """Return the beginning of a PNG file: its header, and no pixels."""
    header = struct.pack(">4s2I5B", b"IHDR", width, height, 8, 2, 0, 0, 0)
    chunks = (header, b"IDAT")
    parts = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_zip_is_read_in_place_and_in_order(archive, tmp_path):
    files = list_images(f"{archive}:b")
    assert [file.member for file in files] == ["b/two.png"]
    assert files[0].read()[0, 0].tolist() == [2, 0, 253]
    assert files[0].stem == "two"
    assert list(tmp_path.iterdir()) == [archive]


def test_a_folder_inside_a_zip_is_not_a_prefix(archive):
    assert [file.stem for file in list_images(f"{archive}:a")] == ["broken", "one"]


def test_folders_are_listed_with_their_subfolders_without_hidden_files(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "folder.png").mkdir()
    for name in ("z.png", "deep/a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(encoded(9))
    assert [file.stem for file in list_images(tmp_path)] == ["a", "z"]


def test_several_places_keep_their_order(archive, tmp_path):
    (tmp_path / "z.png").write_bytes(encoded(9))
    files = list_all_images([f"{archive}:b", tmp_path])
    assert [file.stem for file in files] == ["two", "z"]


def test_a_fingerprint_is_independent_of_the_folder(archive, tmp_path):
    before = fingerprint(list_images(f"{archive}:a"))
    moved = archive.rename(tmp_path / "moved.zip")
    assert fingerprint(list_images(f"{moved}:a")) == before
    folder = tmp_path / "same"
    folder.mkdir()
    with zipfile.ZipFile(moved) as file:
        for name in ("one.PNG", "broken.png"):
            (folder / name).write_bytes(file.read(f"a/{name}"))
    same = sorted(list_images(folder), key=lambda file: file.stem)
    assert fingerprint(same) == before
    assert before != fingerprint(same[::-1])
    assert before != fingerprint(same[:1])
    (folder / "broken.png").write_bytes(b"longer than it was")
    assert fingerprint(same) != before


def test_an_image_too_large_is_refused_without_naming_options_of_another_verb(archive, monkeypatch):
    monkeypatch.setattr("srgan_gp.data.image_sources.DEFAULT_MAX_PIXELS", 19)
    with pytest.raises(PictureError, match=r"two\.png: .*20 pixels") as refused:
        list_images(f"{archive}:b")[0].read()
    assert "--" not in str(refused.value)


def test_a_broken_member_is_named(archive):
    broken = list_images(f"{archive}:a")[0]
    with pytest.raises(PictureError, match=r"shard\.zip:a/broken\.png: "):
        broken.read()


def test_a_member_with_a_wrong_checksum_is_named(tmp_path):
    content = encoded(7)
    path = tmp_path / "shard.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", content)
    path.write_bytes(path.read_bytes().replace(content, content[:-9] + b"?" + content[-8:]))
    with pytest.raises(PictureError, match=r"shard\.zip:a\.png: Bad CRC-32"):
        list_images(path)[0].read()


def test_an_image_too_large_to_decode_is_named_from_its_header(tmp_path, monkeypatch):
    (tmp_path / "large.png").write_bytes(encoded(7))
    monkeypatch.setattr("srgan_gp.data.image_sources.DEFAULT_MAX_PIXELS", 9)
    with pytest.raises(PictureError, match=r"large\.png: it has \d+ x \d+ = 20 pixels"):
        list_images(tmp_path)[0].shorter_side()


def test_sides_are_read_from_the_header(archive, tmp_path):
    (tmp_path / "z.png").write_bytes(encoded(9, size=(9, 7)))
    assert list_images(tmp_path)[0].shorter_side() == 7
    assert list_images(f"{archive}:b")[0].shorter_side() == 4
    with pytest.raises(PictureError, match=r"a/broken\.png: the PNG file is damaged"):
        list_images(f"{archive}:a")[0].shorter_side()


@pytest.mark.parametrize("place", ["missing", "missing.zip", "missing.zip:a"])
def test_a_missing_place_does_not_sound_damaged(tmp_path, place):
    with pytest.raises(UsageError, match=r"missing(\.zip)? does not exist\. Check the path\."):
        list_images(f"{tmp_path}/{place}")


def test_a_place_without_images_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UsageError, match="neither a folder nor a complete zip file"):
        list_images(tmp_path / "notes.txt")


def test_a_name_too_long_for_the_system_is_refused():
    with pytest.raises(UsageError, match="does not exist"):
        list_images("a" * 5000)


def test_a_damaged_directory_of_a_zip_is_reported(archive):
    data = archive.read_bytes()
    archive.write_bytes(data.replace(b"PK\x01\x02", b"PK\x01\x09"))
    with pytest.raises(UsageError, match=r"The zip file .*shard\.zip is damaged: "):
        list_images(archive)


def test_an_empty_place_is_named(archive, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", f"{archive}:c"):
        with pytest.raises(UsageError, match="no image"):
            list_images(place)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.full((2, 2, 1), 7, np.uint8), 7),
        (np.full((2, 2, 3), 7 * 257 + 128, np.uint16), 7),
        (np.full((2, 2, 3), 7 * 257 + 129, np.uint16), 8),
        (np.full((2, 2, 1), 0.5, np.float32), 128),
        (np.full((2, 2, 1), 0.5 / 255, np.float32), 0),  # a tie goes to even
    ],
)
def test_every_depth_becomes_8_bit_rgb_by_rounding(pixels, expected):
    converted = as_8_bit_rgb(pixels)
    assert converted.shape == (2, 2, 3)
    assert converted.dtype == np.uint8
    assert converted.flags.writeable
    assert (converted == expected).all()


def test_a_list_names_the_same_images_in_the_same_order(archive, tmp_path, monkeypatch):
    Image.new("RGB", (3, 3)).save(tmp_path / "é x.png")
    files = [*list_images(f"{archive}:ab"), ImageFile(tmp_path / "é x.png")]
    files += list_images(f"{archive}:b")
    write_list(files, tmp_path / "some.list")
    assert list_images(tmp_path / "some.list") == files
    other = [ImageFile(tmp_path / "\udce9.png")]  # a name that is not UTF-8
    write_list(other, tmp_path / "other.list")
    assert list_images(tmp_path / "other.list") == other
    monkeypatch.chdir(tmp_path)
    write_list(list_images("shard.zip:b"), tmp_path / "relative.list")
    assert list_images("relative.list") == list_images(f"{archive}:b")


def test_a_name_with_a_line_break_is_refused(tmp_path):
    with pytest.raises(UsageError, match="line break"):
        write_list([ImageFile(tmp_path / "a\nb.png")], tmp_path / "some.list")
    assert not (tmp_path / "some.list").exists()


def test_a_hash_is_independent_of_the_container(archive, tmp_path):
    (tmp_path / "copy.png").write_bytes(encoded(2))
    (member,) = list_images(f"{archive}:b")
    assert member.sha256() == ImageFile(tmp_path / "copy.png").sha256()
    assert member.sha256() != list_images(f"{archive}:ab")[0].sha256()
    with pytest.raises(PictureError, match=r"gone\.png"):
        ImageFile(tmp_path / "gone.png").sha256()


@pytest.mark.parametrize("pixels", [b"", encoded_png(12000, 12000)])
def test_a_member_that_unpacks_to_too_much_is_never_read(tmp_path, monkeypatch, pixels):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.png", pixels + bytes(40_000_000 - len(pixels)))
    (file,) = list_images(path)
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda *_: pytest.fail("it was read"))
    for access in (file.read, file.read_srgb, file.shorter_side, file.sha256):
        with pytest.raises(
            PictureError, match=r"bomb\.zip:large\.png: it unpacks to 40,000,000"
        ) as error:
            access()
        assert error.value.code == "E_TOO_LARGE"


@pytest.mark.parametrize(
    ("side", "limit", "pixels"), [(12000, None, "144,000,000"), (20, 399, "400")]
)
def test_the_pixels_of_a_large_member_are_counted_before_it_is_unpacked(
    tmp_path, monkeypatch, side, limit, pixels
):
    path = tmp_path / "large.zip"
    rest = np.random.default_rng(0).bytes(2_000_000)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("large.png", encoded_png(side, side) + rest)
    monkeypatch.setattr("srgan_gp.data.zipped_images._LARGE_MEMBER_BYTES", 1_000_000)
    (file,) = list_images(path)
    done = []
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(
        zipfile.ZipExtFile, "read", lambda self, n=-1: done.append(n) or read(self, n)
    )
    with pytest.raises(PictureError, match=f"= {pixels} pixels"):
        file.read_srgb(limit)
    assert -1 not in done
    assert max(done) <= 100_000
