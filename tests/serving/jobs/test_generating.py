import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.errors import Cancelled
from srgan_gp.images import read_image
from srgan_gp.serving.jobs.job_requests import GenerateRequest

TIMEOUT = 60  # seconds, for slow machines


@pytest.mark.parametrize(
    ("fields", "options", "name", "kind"),
    [
        ({"seed": 7}, ["--seeds", "7"], "seed0007.png", "image/png"),
        ({"truncation": 0.5, "format": "jpg"}, ["--trunc", "0.5"], "seed0000.jpg", "image/jpeg"),
        ({"seed": 1, "count": 6}, ["--seeds", "1-6", "--grid", "3x2"], "seeds0001-0006.png",
         "image/png"),
        ({"seed": 1, "to_seed": 2, "frames": 3}, ["--interpolate", "1-2", "--frames", "3"],
         "seed0001-0002.webp", "image/webp"),
    ],
    ids=["face", "jpeg", "grid", "animation"],
)  # fmt: skip
def test_file_is_identical_to_that_of_the_command_line(
    real_service, tmp_path, fields, options, name, kind
):
    request = GenerateRequest(model="tiny-faces", **fields)
    result = real_service.submit("a", request).wait(TIMEOUT)
    assert (result.name, result.media_type) == (name, kind)
    written = tmp_path / ("by_command" + result.path.suffix)
    common = ["-n", "tiny-faces", "--device", "cpu", "--threads", "1", "-o", str(written)]
    assert main(["generate", *common, *options]) == 0
    assert result.path.read_bytes() == written.read_bytes()
    with Image.open(result.path) as image:
        assert result.report["result_size"] == image.size
        assert result.report["format"] == image.format
    assert result.report["seconds"] > 0
    assert result.report["bytes"] == written.stat().st_size


def test_each_face_of_a_grid_is_written_separately_too(real_service):
    request = GenerateRequest(seed=3, count=4, model="tiny-faces")
    grid = real_service.submit("a", request).wait(TIMEOUT)
    single = real_service.submit("a", GenerateRequest(seed=5, model="tiny-faces")).wait(TIMEOUT)
    assert [part.name for part in grid.parts] == [f"seed000{seed}.png" for seed in (3, 4, 5, 6)]
    assert grid.parts[2].read_bytes() == single.path.read_bytes()
    assert read_image(grid.path).pixels.shape == (16, 16, 3)
    assert (grid.report["seeds"], grid.report["grid"]) == ([3, 4, 5, 6], (2, 2))


def test_progress_counts_faces_and_cancelled_job_generates_no_more(real_service):
    reported = []

    def stop(done, total):
        reported.append((done, total))
        if done == 2:
            job.cancel()

    request = GenerateRequest(count=5, model="tiny-faces")
    job = real_service.submit("a", request, on_progress=stop)
    with pytest.raises(Cancelled):
        job.wait(TIMEOUT)
    assert reported == [(1, 5), (2, 5)]


def test_generated_face_can_be_upscaled(real_service):
    from srgan_gp.serving.jobs.job_requests import UpscaleRequest

    face = real_service.submit("a", GenerateRequest(model="tiny-faces")).wait(TIMEOUT)
    upscaled = real_service.submit("a", UpscaleRequest(face.path, face.name)).wait(TIMEOUT)
    assert upscaled.name == "seed0000_tiny_2x.png"
    assert read_image(upscaled.path).width == 16
