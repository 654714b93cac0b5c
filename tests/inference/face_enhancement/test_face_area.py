import numpy as np
import pytest

from srgan_gp.inference.face_enhancement.face_area import AREA_FACTOR, FaceArea, Place


@pytest.mark.parametrize("degrees", [0, 17, 90, -120, 180])
def test_the_angle_is_that_of_the_landmarks(face_at, degrees):
    area = FaceArea.of(face_at(50, 40, 30, degrees), 90, 120)
    assert area.angle == pytest.approx(degrees) or abs(area.angle - degrees) == pytest.approx(360)
    assert area.side == pytest.approx(30)


def test_the_box_is_the_area_in_whole_pixels_inside_the_photo(face_at):
    reach = 30 * AREA_FACTOR / 2
    area = FaceArea.of(face_at(50, 40, 30), 90, 120)
    assert area.box == (int(50 - reach), int(40 - reach), 2 * np.ceil(reach), 2 * np.ceil(reach))
    assert FaceArea.of(face_at(5, 85, 30), 90, 120).box == (0, 62, 28, 28)
    assert FaceArea.of(face_at(-40, 40, 30), 90, 120) is None


@pytest.mark.parametrize("scale", [4, 2.37, 1.5])
def test_the_mask_is_1_in_the_box_of_the_detector_and_0_at_the_border(face_at, scale):
    photo, result = np.empty((90, 120, 3)), np.empty((round(90 * scale), round(120 * scale), 3))
    area = FaceArea.of(face_at(50, 40, 30), 90, 120)
    place = Place.of(area, photo, result)
    mask = area.mask(place)
    assert mask.shape == (place.rows[1] - place.rows[0], place.columns[1] - place.columns[0])
    assert mask.min() == 0 and mask.max() == 1
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) < 0.03
    centre, half = np.array(mask.shape) // 2, int(15 * scale) - 1
    assert mask[centre[0], centre[1] - half : centre[1] + half].min() > 0.99
    assert mask[centre[0] - half : centre[0] + half, centre[1]].min() > 0.99
    # No step from pixel to pixel is larger than that of the smooth border.
    steps = [np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)]
    assert max(steps) < 1.6 / (15 * AREA_FACTOR / 3 * scale)


@pytest.mark.parametrize("scale", [4, 2.5, 3.3])
def test_the_place_lies_inside_the_area(face_at, scale):
    photo, result = np.empty((90, 121, 3)), np.empty((round(90 * scale), round(121 * scale), 3))
    area = FaceArea.of(face_at(50, 40, 30), 90, 121)
    place = Place.of(area, photo, result)
    for span, edges, by in (
        (place.columns, area.columns, place.scales[0]),
        (place.rows, area.rows, place.scales[1]),
    ):
        assert edges[0] * by <= span[0] + 1e-6 and span[1] <= edges[1] * by + 1e-6
        assert span[1] - span[0] > (edges[1] - edges[0]) * by - 2


def test_the_place_and_the_area_are_boxes_of_each_other(face_at):
    photo, result = np.empty((90, 120, 3)), np.empty((225, 300, 3))
    area = FaceArea.of(face_at(50, 40, 30), 90, 120)
    place = Place.of(area, photo, result)
    assert place.columns == (68, 182)  # 27 * 2.5 = 67.5 to 73 * 2.5 = 182.5
    box = place.edges_in_part((20, 80), (10, 70), scale=4)
    assert box[0] == pytest.approx((68 / 2.5 - 20) * 4)
    assert box[2] == pytest.approx((182 / 2.5 - 20) * 4)
    left, _, right, _ = place.edges_of_area(area)
    assert (left, right) == (0, 114)  # half a pixel outside on either side, clipped
