import numpy as np

from srgan_gp.data.contact_sheet import GREY, contact_sheet


def pairs(count, scale=2):
    rng = np.random.default_rng(0)
    low_res = rng.integers(0, 256, (count, 10, 12, 3)).astype(np.uint8)
    high_res = rng.integers(0, 256, (count, 10 * scale, 12 * scale, 3)).astype(np.uint8)
    return list(zip(low_res, high_res, strict=True))


def test_a_pair_stands_side_by_side_on_grey():
    [(low_res, high_res)] = pairs(1)
    sheet = contact_sheet([(low_res, high_res)])
    assert sheet.dtype == np.uint8
    assert sheet.shape == (4 + 20 + 4, 4 + 24 + 4 + 24 + 4, 3)
    assert np.array_equal(sheet[4:24:2, 4:28:2], low_res)
    assert np.array_equal(sheet[5:25:2, 5:29:2], low_res)
    assert np.array_equal(sheet[4:24, 32:56], high_res)
    sheet = sheet.copy()
    sheet[4:24, 4:28] = sheet[4:24, 32:56] = GREY
    assert (sheet == GREY).all()


def test_pairs_fill_rows_of_three():
    made = pairs(5)
    sheet = contact_sheet(made)
    assert sheet.shape == (2 * 24 + 4, 3 * 56 + 4, 3)
    assert np.array_equal(sheet[28:48, 4 + 56 + 28 :][:, :24], made[4][1])
    assert (sheet[28:, 2 * 56 + 4 :] == GREY).all()


def test_captions_stand_below_the_images_and_wrap():
    made = pairs(2)
    plain = contact_sheet(made)
    sheet = contact_sheet(made, ["area, blur 1.3, noise 7", ""])
    assert sheet.shape[0] > plain.shape[0] + 12
    assert np.array_equal(sheet[:24], plain[:24])
    assert (sheet[24:, :60] != GREY).any()
    assert (sheet[24:, 60:] == GREY).all()
