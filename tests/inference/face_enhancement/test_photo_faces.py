import cv2
import numpy as np
import pytest

from srgan_gp.detection.face_detection import Face
from srgan_gp.errors import Cancelled
from srgan_gp.inference.face_enhancement.photo_faces import find_faces, to_8_bit_rgb

GREEN = (20, 200, 40)


class FindsGreen:
    """Finds green rectangles with sides of 10 to 300 pixels at a longer side of at most 1280."""

    def detect(self, pixels):
        height, width = pixels.shape[:2]
        factor = min(1, 1280 / max(height, width))
        size = (round(width * factor), round(height * factor))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(int)
        green = (small[..., 1] - small[..., 0] > 90).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(green)
        faces = []
        for left, top, w, h, _ in stats[1:]:
            if min(w, h) >= 10 and max(w, h) <= 300:
                box = tuple(float(v) / factor for v in (left, top, w, h))
                points = np.array(box[:2]) + np.outer(np.arange(5) / 4, box[2:])
                faces.append(Face(box, points, 0.8 + min(w, h) / 10000))
        return faces


def photo_with(boxes, height, width):
    pixels = np.full((height, width, 3), 90, np.uint8)
    for left, top, side in boxes:
        pixels[top : top + side, left : left + side] = GREEN
    return pixels


def test_small_faces_of_a_large_photo_are_found_once_and_where_they_are():
    """A face of 12 pixels, one on the edge of a window, one cut off, and a large one."""
    boxes = [(700, 900, 12), (1010, 760, 80), (2560, 40, 40), (100, 100, 700)]
    faces = find_faces(FindsGreen(), photo_with(boxes, 1500, 2600))
    found = {tuple(round(v) for v in face.box[:3]) for face in faces}
    assert len(faces) == len(boxes)
    for box in boxes:
        distance = min(np.abs(np.array(box) - other).max() for other in found)
        assert distance <= (3 if box[2] > 300 else 0), (box, found)


def test_a_photo_up_to_the_size_of_the_detector_is_searched_once():
    seen = []

    class Records(FindsGreen):
        def detect(self, pixels):
            seen.append(pixels.shape)
            return super().detect(pixels)

    [face] = find_faces(Records(), photo_with([(300, 200, 50)], 700, 1280))
    assert face.box == (300, 200, 50, 50)
    assert seen == [(700, 1280, 3), (1280, 700, 3)] * 2  # in four orientations


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_face_is_found_with_its_landmarks_where_they_are(turns):
    """The detector knows upright faces: a green rectangle with a red pixel as its left eye."""
    upright = np.full((60, 90, 3), 90, np.uint8)
    upright[20:40, 30:46] = GREEN
    upright[24, 34] = (250, 0, 0)

    class KnowsUpright:
        def detect(self, pixels):
            y, x = np.nonzero(pixels[..., 1] > 150)
            [eye] = np.argwhere(pixels[..., 0] > 240)[:, ::-1]
            is_upright = tuple(eye - (x.min(), y.min())) == (4, 4)
            box = (float(x.min()), float(y.min()), np.ptp(x) + 1.0, np.ptp(y) + 1.0)
            points = np.full((5, 2), 50.0)
            points[0] = eye
            return [Face(box, points, 0.9 if is_upright else 0.8)]

    photo = np.rot90(upright, turns)
    [face] = find_faces(KnowsUpright(), photo)
    [eye] = np.argwhere(photo[..., 0] > 240)[:, ::-1]
    y, x = np.nonzero(photo[..., 1] > 150)
    assert face.score == 0.9
    np.testing.assert_array_equal(face.points[0], eye)
    expected = (x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1)
    assert np.abs(np.array(face.box) - expected).max() <= 1


@pytest.mark.parametrize("size", [(1281, 40), (3000, 1025), (1300, 1300)])
def test_every_pixel_of_a_large_photo_is_in_a_window(size):
    covered, last = np.zeros(size, bool), np.indices(size).astype(np.uint16)

    class Records:
        def detect(self, pixels):
            return []

    pixels = np.zeros((*size, 3), np.uint16)
    pixels[..., 0], pixels[..., 1] = last[0] * 20, last[1] * 20
    windows = []
    import srgan_gp.inference.face_enhancement.photo_faces as module

    for top in module._starts(size[0]):
        for left in module._starts(size[1]):
            windows.append((top, left))
            covered[top : top + module.WINDOW, left : left + module.WINDOW] = True
    assert covered.all()
    assert len(windows) == len(set(windows))
    assert find_faces(Records(), pixels) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_depth_becomes_8_bit_rgb(as_dtype, scene, dtype, channels):
    pixels = scene(20, 30)
    converted = to_8_bit_rgb(as_dtype(pixels, dtype, channels))
    expected = pixels[..., :channels].repeat(3 // channels, axis=2)
    np.testing.assert_array_equal(converted, expected)


def test_the_search_can_be_ended_at_every_window():
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        find_faces(FindsGreen(), photo_with([], 2000, 2000), check)
