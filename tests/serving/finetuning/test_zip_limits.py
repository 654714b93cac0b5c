import stat
import zipfile

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.serving.finetuning.zip_limits import MAX_MEMBERS, check_zip


@pytest.fixture
def zipped(tmp_path):
    """Write a zip of (name or ZipInfo, bytes); returns its path."""

    def write(*members, compression=zipfile.ZIP_STORED):
        path = tmp_path / "photos.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path

    return write


def test_photos_are_counted_without_directories(zipped):
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
        (("inner.zip", b"PK"), "not a photo"),
        (("run.sh", b"echo"), "not a photo"),
    ],
)
def test_other_members_than_photos_are_refused(zipped, member, reason):
    with pytest.raises(UsageError, match=reason):
        check_zip(zipped(("good.jpg", b"1"), member), "photos.zip")


def test_zip_bomb_is_refused_by_its_ratio(zipped):
    path = zipped(("a.png", bytes(1_000_000)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(UsageError, match="100 times"):
        check_zip(path, "photos.zip")


def test_too_many_members_are_refused(zipped):
    members = [(f"{number}.jpg", b"1") for number in range(MAX_MEMBERS + 1)]
    assert check_zip(zipped(*members[1:]), "photos.zip") == MAX_MEMBERS
    with pytest.raises(UsageError, match="contains 201 files, more than 200"):
        check_zip(zipped(*members), "photos.zip")


def test_huge_central_directory_is_not_read(zipped, monkeypatch):
    path = zipped(*[(f"folder{number}/", b"") for number in range(10 * MAX_MEMBERS + 1)])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(UsageError, match="contains more than 200 files"):
        check_zip(path, "photos.zip")


def test_file_that_is_not_a_zip_is_refused(tmp_path):
    path = tmp_path / "photos.zip"
    path.write_bytes(b"not a zip")
    with pytest.raises(UsageError, match=r"mine\.zip is not a readable zip file"):
        check_zip(path, "mine.zip")
