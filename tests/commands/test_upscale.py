"""`srgan-gp upscale`: pixels, formats and names of the results."""

import numpy as np
import pytest
from PIL import Image


def read_pixels(path):
    """Decode an image and close its file."""
    with Image.open(path) as image:
        image.load()
        return image


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".srgan-gp")


def test_a_folder_becomes_a_folder_and_its_text_file_is_ignored(upscale, folder, tmp_path):
    code, report, _ = upscale(folder, "-o", tmp_path / "out")
    assert code == 0
    assert (report["done"], report["ignored"]) == (3, 1)
    assert names(tmp_path / "out") == ["a.jpg", "a.png", "b.png"]
    for name in names(tmp_path / "out"):
        assert read_pixels(tmp_path / "out" / name).size == (64, 48)


def test_one_image_without_output_is_written_next_to_its_source(upscale, folder):
    assert upscale(folder / "a.png")[0] == 0
    assert read_pixels(folder / "a_x4.png").size == (64, 48)


def test_one_image_can_be_written_to_a_file(upscale, folder, tmp_path):
    target = tmp_path / "deep" / "result.webp"
    assert upscale("-i", folder / "a.png", "-o", target)[0] == 0
    assert read_pixels(target).format == "WEBP"


def test_a_separator_at_the_end_makes_a_folder_of_any_name(upscale, folder, tmp_path):
    assert upscale(folder / "a.png", "-o", f"{tmp_path}/large.png/")[0] == 0
    assert (tmp_path / "large.png" / "a.png").is_file()


@pytest.mark.parametrize(("scale", "size"), [("2", (32, 24)), ("3", (48, 36)), ("1.5", (24, 18))])
def test_any_scale_is_reached(upscale, folder, scale, size):
    assert upscale(folder / "a.png", "-s", scale)[0] == 0
    assert read_pixels(folder / f"a_x{scale}.png").size == size


def test_upscaling_keeps_the_content(upscale, folder, pixels):
    upscale(folder / "a.png", "-t", "16")
    shrunk = np.asarray(read_pixels(folder / "a_x4.png").resize((16, 12), Image.Resampling.BOX))
    assert np.abs(shrunk.astype(int) - pixels).max() <= 1


def test_grey_stays_grey(upscale, tmp_path, pixels):
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    assert upscale(tmp_path / "grey.png")[0] == 0
    assert read_pixels(tmp_path / "grey_x4.png").mode == "L"


def test_alpha_is_kept(upscale, tmp_path, pixels):
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / "alpha.png")
    assert upscale(tmp_path / "alpha.png")[0] == 0
    assert read_pixels(tmp_path / "alpha_x4.png").mode == "RGBA"


def test_sixteen_bits_are_kept(upscale, tmp_path):
    import cv2

    deep = np.random.default_rng(1).integers(0, 65536, (6, 5, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert upscale(tmp_path / "deep.png")[0] == 0
    result = cv2.imread(str(tmp_path / "deep_x4.png"), cv2.IMREAD_UNCHANGED)
    assert (result.dtype, result.shape) == (np.uint16, (24, 20, 3))
    assert np.any(result % 257)  # 8 bits spread over 16 would be multiples of 257


def test_a_rotated_photo_is_written_upright(upscale, tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    assert upscale(tmp_path / "turned.jpg")[0] == 0
    result = read_pixels(tmp_path / "turned_x4.jpg")
    assert result.size == (48, 64)
    assert result.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
def test_the_smallest_images_work(upscale, tmp_path, size):
    Image.new("RGB", size, (10, 20, 30)).save(tmp_path / "dot.png")
    assert upscale(tmp_path / "dot.png")[0] == 0
    assert read_pixels(tmp_path / "dot_x4.png").size == (4 * size[0], 4 * size[1])


def test_a_format_that_cannot_hold_the_result_becomes_png(upscale, tmp_path, pixels):
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / "really_a_png.jpg", "PNG")
    code, _, _ = upscale(tmp_path / "really_a_png.jpg", "-o", tmp_path / "out")
    assert (code, names(tmp_path / "out")) == (0, ["really_a_png.png"])


def test_a_format_that_was_asked_for_is_given_and_what_it_costs_is_said(upscale, tmp_path, pixels):
    Image.fromarray(np.dstack([pixels, pixels[..., 0]])).save(tmp_path / "alpha.png")
    code, report, _ = upscale(tmp_path / "alpha.png", "-f", "jpg")
    assert (code, read_pixels(tmp_path / "alpha_x4.jpg").mode) == (0, "RGB")
    assert "transparency" in " ".join(report["pictures"][0]["warnings"])


def test_one_format_for_all_gives_names_that_do_not_collide(upscale, folder, tmp_path):
    code, _, _ = upscale(folder, "-o", tmp_path / "out", "-f", "png", "--suffix", "_big")
    assert code == 0
    assert names(tmp_path / "out") == ["a.jpg_big.png", "a.png_big.png", "b_big.png"]


def test_an_existing_result_is_met_as_the_user_chose(upscale, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").write_bytes(b"precious")
    for choice, scale, code, counts in [
        ("error", 4, 3, (2, 0, 1)),
        ("skip", 4, 0, (0, 3, 0)),
        ("rename", 4, 0, (1, 2, 0)),  # the journal knows two
        ("overwrite", 2, 0, (3, 0, 0)),
    ]:
        assert (out / "a.jpg").read_bytes() == b"precious"
        ended, report, _ = upscale(folder, "-o", out, "--exist", choice, "-s", scale)
        assert (ended, *map(report.get, ("done", "skipped", "failed"))) == (code, *counts), choice
    assert (out / "a.jpg").read_bytes() != b"precious"


def test_a_second_run_into_the_folder_itself_takes_no_result_for_an_input(upscale, folder):
    assert upscale(folder, "-o", folder, "--suffix", "_x4")[1]["done"] == 3
    code, report, _ = upscale(folder, "-o", folder, "--suffix", "_x4", "--exist", "skip")
    assert (code, report["skipped"], report["inputs"]) == (0, 3, 3)


def test_the_report_says_what_happened(upscale, folder):
    _, report, _ = upscale(folder / "a.png")
    [entry] = report["pictures"]
    assert entry["size"] == [16, 12]
    assert entry["result_size"] == [64, 48]
    assert entry["device"] == "cpu"
    assert entry["precision"] == "float32"
    assert entry["tiles"] == 1
    assert entry["seconds"] > 0
    assert entry["target"] == str(folder / "a_x4.png")


def test_a_jpeg_without_a_suffix_gives_a_jpeg_and_one_named_png_a_png(upscale, folder, tmp_path):
    for name in ("noext", "upload.v2", "named.png"):
        (tmp_path / name).write_bytes((folder / "a.jpg").read_bytes())
        assert upscale(tmp_path / name)[0] == 0
    formats = {}
    for name in ("noext_x4.jpg", "upload_x4.jpg", "named_x4.png"):
        with Image.open(tmp_path / name) as image:
            formats[name] = image.format
    assert list(formats.values()) == ["JPEG", "JPEG", "PNG"]
