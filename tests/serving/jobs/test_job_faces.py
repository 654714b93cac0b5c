"""Faces in photos through the service: validation, strength and report."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan_gp.detection.face_alignment import TEMPLATE
from srgan_gp.detection.face_detection import Face, FaceDetector
from srgan_gp.errors import UsageError
from srgan_gp.images import read_image
from srgan_gp.serving.jobs.job_requests import UpscaleRequest, check_upscale

TIMEOUT = 60  # seconds, for slow machines


@pytest.fixture
def photo(scene):
    file = io.BytesIO()
    Image.fromarray(scene(80, 90)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def detector(models, monkeypatch):
    """Install a stand-in of YuNet that finds one face of 20 pixels."""
    file = models / "yunet.onnx"
    file.write_bytes(b"a network")

    class FakeDetector:
        calls = 0

        def detect(self, pixels):
            FakeDetector.calls += 1  # the first of four is that of the photo as it is
            if FakeDetector.calls % 4 != 1:
                return []
            return [Face((29.5, 29.5, 20, 20), (TEMPLATE - 0.5) * 30 + 39.5, 0.9)]

    FakeDetector.file = file
    monkeypatch.setattr(FaceDetector, "load", lambda path: FakeDetector())


@pytest.mark.usefixtures("detector")
def test_the_face_is_enhanced_and_counted(real_service, photo):
    def run(faces):
        job = real_service.submit("a", UpscaleRequest(photo, "a.png", model="tiny", faces=faces))
        result = job.wait(TIMEOUT)
        return read_image(result.path).pixels.astype(int), result.report

    plain, report = run(None)
    assert "faces" not in report
    enhanced, report = run(1.0)
    assert report["faces"] == "1 face enhanced"
    changed = np.argwhere((enhanced != plain).any(2))
    assert len(changed) > 100
    assert changed.min() >= 2 * 25 and changed.max() < 2 * 55
    half, _ = run(0.5)
    assert np.abs(half - (plain + enhanced) / 2).max() <= 1


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize("strength", [-0.5, 1.5])
def test_a_strength_outside_0_to_1_is_refused(strength):
    with pytest.raises(UsageError, match="from 0 to 1"):
        check_upscale(UpscaleRequest(b"", "a.png", faces=strength))


@pytest.mark.usefixtures("models")
def test_without_a_detector_faces_are_refused_and_other_requests_are_not():
    with pytest.raises(UsageError, match="no face detector"):
        check_upscale(UpscaleRequest(b"", "a.png", faces=1.0))
    check_upscale(UpscaleRequest(b"", "a.png"))
