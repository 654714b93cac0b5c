import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.errors import Cancelled
from srgan_gp.images import read_image
from srgan_gp.serving.jobs.job_requests import GenerateRequest

SOON = 60  # seconds; a busy machine is slow


@pytest.mark.parametrize(
    ("wanted", "words", "name", "kind"),
    [
        ({"seed": 7}, ["--seeds", "7"], "seed0007.png", "image/png"),
        ({"truncation": 0.5, "format": "jpg"}, ["--trunc", "0.5"], "seed0000.jpg", "image/jpeg"),
        ({"seed": 1, "count": 6}, ["--seeds", "1-6", "--grid", "3x2"], "seeds0001-0006.png",
         "image/png"),
        ({"seed": 1, "to_seed": 2, "frames": 3}, ["--interpolate", "1-2", "--frames", "3"],
         "seed0001-0002.webp", "image/webp"),
    ],
    ids=["face", "jpeg", "sheet", "animation"],
)  # fmt: skip
def test_the_file_is_the_one_that_the_command_line_writes(
    real_service, tmp_path, wanted, words, name, kind
):
    request = GenerateRequest(model="tiny-faces", **wanted)
    result = real_service.submit("a", request).wait(SOON)
    assert (result.name, result.media_type) == (name, kind)
    written = tmp_path / ("by_command" + result.path.suffix)
    options = ["-n", "tiny-faces", "--device", "cpu", "--threads", "1", "-o", str(written)]
    assert main(["generate", *options, *words]) == 0
    assert result.path.read_bytes() == written.read_bytes()
    with Image.open(result.path) as image:
        assert result.report["result_size"] == image.size
        assert result.report["format"] == image.format
    assert result.report["seconds"] > 0
    assert result.report["bytes"] == written.stat().st_size


def test_each_face_of_a_sheet_is_there_as_well(real_service):
    request = GenerateRequest(seed=3, count=4, model="tiny-faces")
    sheet = real_service.submit("a", request).wait(SOON)
    alone = real_service.submit("a", GenerateRequest(seed=5, model="tiny-faces")).wait(SOON)
    assert [part.name for part in sheet.parts] == [f"seed000{seed}.png" for seed in (3, 4, 5, 6)]
    assert sheet.parts[2].read_bytes() == alone.path.read_bytes()
    assert read_image(sheet.path).pixels.shape == (16, 16, 3)
    assert (sheet.report["seeds"], sheet.report["grid"]) == ([3, 4, 5, 6], (2, 2))


def test_progress_counts_the_faces_and_a_cancelled_job_draws_no_more(real_service):
    told = []

    def stop(done, total):
        told.append((done, total))
        if done == 2:
            job.cancel()

    request = GenerateRequest(count=5, model="tiny-faces")
    job = real_service.submit("a", request, on_progress=stop)
    with pytest.raises(Cancelled):
        job.wait(SOON)
    assert told == [(1, 5), (2, 5)]


def test_a_face_goes_on_to_be_enlarged(real_service):
    from srgan_gp.serving.jobs.job_requests import UpscaleRequest

    face = real_service.submit("a", GenerateRequest(model="tiny-faces")).wait(SOON)
    enlarged = real_service.submit("a", UpscaleRequest(face.path, face.name)).wait(SOON)
    assert enlarged.name == "seed0000_tiny_2x.png"
    assert read_image(enlarged.path).width == 16
