from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.serving.results.download_names import result_naming, safe_name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("été à Zürich (2).png", "été à Zürich (2).png"),
        ("写真.png", "写真.png"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\a.png", "a.png"),
        ("<img src=x onerror=alert(1)>.png", "img src_x onerror_alert(1).png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\nb\0c\x1b[31m.png", "abc_31m.png"),
        ("..", "picture"),
        ("", "picture"),
        (".png", "png"),
        ("con.png", "con_.png"),
        ("x" * 1000 + ".png", "x" * 80 + ".png"),
        ("x" * 79 + " y.png", "x" * 79 + ".png"),
    ],
)
def test_safe_name_examples(name, plain):
    assert safe_name(name) == plain


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_safe_name_contains_no_path_or_markup(name):
    plain = safe_name(name)
    assert plain
    assert len(plain.encode()) < 700
    assert plain not in (".", "..")
    assert not set(plain) & set("/\\\0<>\"'&;:|?*`$\n\r\u202e")


def test_result_name_contains_model_and_scale():
    name = result_naming(None, "photo-x4", 2.5).name(Path("a.JPG"))
    assert name == "a_photo-x4_2.5x.JPG"
    assert result_naming("jpeg", "photo-x4", 4).name(Path("a.png")) == "a_photo-x4_4x.jpg"


@pytest.mark.parametrize(
    ("name", "found", "result"),
    [
        ("upload", "JPEG", "upload_m_4x.jpg"),
        ("upload.bin", "WEBP", "upload_m_4x.webp"),
        ("upload", "GIF", "upload_m_4x.png"),
        ("upload", "HEIF", "upload_m_4x.png"),
        ("upload", None, "upload_m_4x.png"),
        ("photo.png", "JPEG", "photo_m_4x.png"),
        ("photo.heic", "JPEG", "photo_m_4x.png"),
    ],
)
def test_a_name_without_a_suffix_gets_the_format_that_was_found(name, found, result):
    assert result_naming(None, "m", 4, found).name(Path(name)) == result
