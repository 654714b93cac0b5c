import numpy as np

from srgan_gp.data.face_preparation.face_sheet import draw_sheet, make_thumbnail, spread


def red(side):
    return np.full((side, side, 3), (250, 0, 0), np.uint8)


def test_every_face_is_on_the_sheet_under_its_heading():
    sheet = draw_sheet([("13 kept", [(red(96), "a")] * 13), ("1 dropped", [(red(96), "blurred")])])
    is_red = (sheet == (250, 0, 0)).all(2)
    assert is_red.sum() == 14 * 96 * 96
    rows = np.flatnonzero(is_red.any(1))
    assert len(rows) == 3 * 96  # two rows of those kept, one of those dropped
    assert is_red[rows[0]].sum() == 12 * 96
    assert is_red[rows[-1]].sum() == 96
    assert (sheet[: rows[0]] > 200).any()  # the heading


def test_a_sheet_may_have_an_empty_section():
    assert draw_sheet([("0 kept", [])]).shape[2] == 3


def test_a_thumbnail_has_its_size():
    assert make_thumbnail(red(300)).shape == (96, 96, 3)


def test_the_choice_is_even_and_has_both_ends():
    chosen = spread(1000, 100)
    assert (len(set(chosen)), chosen[0], chosen[-1]) == (100, 0, 999)
    assert set(np.diff(chosen)) <= {10, 11}
