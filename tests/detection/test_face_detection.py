import os
from pathlib import Path

import numpy as np
import pytest

from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.errors import ModelRefusedError, UsageError

GREEN = (20, 200, 40)


class FindsGreen:
    """Replaces YuNet: a green rectangle of 10 to 300 pixels is a face, one an image."""

    def __init__(self):
        self.seen = []

    def setInputSize(self, size):  # noqa: N802 - OpenCV's name
        self.size = size

    def detect(self, image):
        assert image.shape[1::-1] == tuple(self.size)
        self.seen.append(image.shape[:2])
        y, x = np.nonzero(image[..., 1].astype(int) - image[..., 2] > 90)
        if not y.size or not 10 <= max(width := np.ptp(x) + 1, height := np.ptp(y) + 1) <= 300:
            return 0, None
        left, top = x.min(), y.min()
        points = [(left + width * i / 4, top + height * i / 4) for i in range(5)]
        score = 0.9 + len(self.seen) / 100
        return 1, np.array([[left, top, width, height, *np.ravel(points), score]], np.float32)


def photo(height, width, left, top, side):
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[top : top + side, left : left + side] = GREEN
    return pixels


@pytest.mark.parametrize(
    ("height", "width", "left", "top", "side"),
    [(64, 64, 10, 20, 30), (300, 500, 400, 100, 80), (1500, 2600, 1800, 900, 60),
     (2000, 1000, 0, 0, 990), (97, 31, 1, 40, 30)],
)  # fmt: skip
def test_a_face_is_found_once_and_where_it_is(height, width, left, top, side):
    detector = FaceDetector(FindsGreen(), Path("fake.onnx"))
    [face] = detector.detect(photo(height, width, left, top, side))
    tolerance = 3 * max(height, width, 192) / 192  # three pixels of the coarsest level
    assert np.abs(np.array(face.box) - (left, top, side, side)).max() < tolerance
    expected = np.array([left, top]) + np.outer(np.arange(5) / 4, [side, side])
    assert np.abs(face.points - expected).max() < tolerance


def test_coordinates_of_the_finest_level_are_exact_where_it_is_the_photo_itself():
    detector = FaceDetector(FindsGreen(), Path("fake.onnx"))
    [face] = detector.detect(photo(600, 800, 320, 130, 77))
    assert face.box == pytest.approx((320, 130, 77, 77))
    assert face.points[2] == pytest.approx((320 + 38.5, 130 + 38.5))


def test_a_photo_without_a_face_gives_none():
    assert FaceDetector(FindsGreen(), Path("fake.onnx")).detect(photo(70, 90, 0, 0, 0)) == []


def test_no_level_is_larger_than_the_largest():
    network = FindsGreen()
    FaceDetector(network, Path("fake.onnx")).detect(photo(30, 6000, 0, 0, 20))
    assert max(max(size) for size in network.seen) == 1280


def test_two_faces_side_by_side_are_both_given():
    class FindsTwo(FindsGreen):
        def detect(self, image):
            row = [*[0] * 14, 0.9]
            rows = np.array([row, row], np.float32)
            rows[:, :4] = [[64, 64, 60, 60], [134, 64, 60, 60]]
            return 1, rows

    faces = FaceDetector(FindsTwo(), Path("fake.onnx")).detect(photo(150, 190, 0, 0, 0))
    assert [round(face.box[0]) for face in faces] == [0, 69]


def test_without_a_detector_the_message_names_file_and_licence(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        FaceDetector.load()
    assert str(tmp_path) in str(caught.value)
    assert "licence: Apache-2.0" in str(caught.value)
    assert "models/face_detection_yunet" in str(caught.value)
    assert "Or pass the path of its file as `detector`." in str(caught.value)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"The face detector .*nothing\.onnx does not exist"):
        FaceDetector.load(tmp_path / "nothing.onnx")


@pytest.mark.parametrize("content", ["empty", "text", "another network"])
def test_a_file_that_is_not_a_detector_is_refused(content, tmp_path, tiny_model, capfd):
    path = tmp_path / "yunet.onnx"
    if content == "another network":
        path = tiny_model("yunet")
    else:
        path.write_bytes(b"no network" if content == "text" else b"")
    with pytest.raises(
        ModelRefusedError, match=r"is not a face detector .* Use face_detection_yunet_"
    ):
        FaceDetector.load(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.shared
def test_yunet_finds_the_faces_of_the_shared_images_once(monkeypatch, tmp_path):
    from srgan_gp.data.image_sources import list_images

    shared = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[4] / "shared"))
    (tmp_path / "yunet.onnx").symlink_to(shared / "models" / "face_detection_yunet.onnx")
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    detector = FaceDetector.load()
    for name in ("faces_loose64_val", "faces_utk128_val", "faces_synth256_val"):
        images = list_images(shared / "data" / f"{name}.zip")[:20]
        counts = [len(detector.detect(image.read())) for image in images]
        assert max(counts) == 1
        assert sum(counts) >= 19
    photos = {p.stem: p for p in list_images(shared / "data" / "demo_inputs.zip")}
    assert len(detector.detect(photos["children-alpha"].read())) == 5
    assert detector.detect(photos["OST_009"].read()) == []
