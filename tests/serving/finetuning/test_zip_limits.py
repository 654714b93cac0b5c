import stat
import zipfile

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.serving.finetuning.zip_limits import MOST_MEMBERS, check_zip


@pytest.fixture
def zipped(tmp_path):
    """Write a zip of (name or ZipInfo, bytes); gives its path."""

    def write(*members, compression=zipfile.ZIP_STORED):
        path = tmp_path / "photos.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path

    return write


def test_photos_are_counted_and_folders_are_not(zipped):
    path = zipped(("train/", b""), ("train/a.jpg", b"1"), ("train/b.PNG", b"2"))
    assert check_zip(path, "photos.zip") == 2


def link():
    member = zipfile.ZipInfo("a.jpg")
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ((link(), b"/etc/passwd"), "a link"),
        (("inner.zip", b"PK"), "no photo"),
        (("run.sh", b"echo"), "no photo"),
    ],
)
def test_anything_but_a_photo_is_refused(zipped, member, reason):
    with pytest.raises(UsageError, match=reason):
        check_zip(zipped(("good.jpg", b"1"), member), "photos.zip")


def test_a_bomb_is_refused_by_its_ratio(zipped):
    path = zipped(("a.png", bytes(1_000_000)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UsageError, match="100 times"):
        check_zip(path, "photos.zip")


def test_one_member_too_many_is_refused(zipped):
    members = [(f"{number}.jpg", b"1") for number in range(MOST_MEMBERS + 1)]
    assert check_zip(zipped(*members[1:]), "photos.zip") == MOST_MEMBERS
    with pytest.raises(UsageError, match="holds 201 files; bring 200 at most"):
        check_zip(zipped(*members), "photos.zip")


def test_a_list_of_contents_without_end_is_not_read(zipped, monkeypatch):
    path = zipped(*[(f"folder{number}/", b"") for number in range(10 * MOST_MEMBERS + 1)])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(UsageError, match="too many files; bring 200 at most"):
        check_zip(path, "photos.zip")


def test_what_is_no_zip_is_said_to_be_none(tmp_path):
    path = tmp_path / "photos.zip"
    path.write_bytes(b"not a zip")
    with pytest.raises(UsageError, match=r"mine\.zip is no zip file"):
        check_zip(path, "mine.zip")
