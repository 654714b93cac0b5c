"""Names of downloads: one in ASCII for every client, and one with all letters."""

import email.message

import pytest

from srgan_gp.serving.http.attachments import content_disposition, send_file


@pytest.mark.parametrize(
    ("name", "fallback"),
    [
        ("photo_x4.png", "photo_x4.png"),
        ("my photo (1)_x4.png", "my photo (1)_x4.png"),
        ("Straße_Ærø_é.png", "Strasse_AEro_e.png"),
        ("Zürich e\u0301.png", "Zurich e.png"),
        ("日本_x4.png", "___x4.png"),
        ('a"; filename=b.exe', "a_; filename=b.exe"),
        ("a\\b/c%41\r\nX-Evil: 1\x7f.png", "a_b_c_41__X-Evil: 1_.png"),
        ("\uff0fetc\ud800.png", "_etc_.png"),  # a full-width slash, and half of a character
    ],
)
def test_a_download_has_a_name_in_ascii_and_its_own(name, fallback):
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    own = header.removeprefix(f'attachment; filename="{fallback}"')
    assert own != header
    assert (own == "") is (fallback == name)
    if own:
        assert own.startswith("; filename*=UTF-8''")
        assert not set(own.removeprefix("; filename*=UTF-8''")) & set("\"\\/;' ")
        message = email.message.Message()
        message["Content-Disposition"] = f"attachment{own}"
        assert message.get_filename() == name.replace("\ud800", "?")


def test_a_file_is_sent_with_both_names(tmp_path):
    (path := tmp_path / "a").write_bytes(b"file")
    response = send_file(path, "Straße.png", "image/png", {"X-Report": "{}"})
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"Strasse.png\"; filename*=UTF-8''Stra%C3%9Fe.png"
    )
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-report"] == "{}"
