import numpy as np
import pytest

from srgan_gp.data.degradations import draw
from srgan_gp.images import read_image
from srgan_gp.losses.features import Features
from srgan_gp.training.reports import pairs_sheet
from srgan_gp.training.reports.pairs_sheet import write_pairs


def test_pairs_are_drawn_without_the_feature_network(tiny_config, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(Features, "load", lambda *_: 1 / 0)
    for network in ("none", "squeeze"):
        config = tiny_config(perceptual_loss=network)
        write_pairs(config, [str(pictures)], tmp_path / f"{network}.png")
    sheets = [read_image(tmp_path / f"{name}.png").pixels for name in ("none", "squeeze")]
    assert np.array_equal(*sheets)


@pytest.mark.parametrize("low_res", ["matlab", "mixture"])
def test_each_pair_has_its_number_and_its_damage_below(
    tiny_config, pictures, tmp_path, monkeypatch, low_res
):
    seen = []

    def record(made, captions):
        assert len(made) == len(captions)
        seen.extend(captions)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(pairs_sheet, "contact_sheet", record)
    config = tiny_config(low_res=low_res, seed=3, clean_share=0.5, batch_size=5)
    write_pairs(config, [str(pictures)], tmp_path / "sheet.png")
    draws = draw(3, range(24), 0.5)
    damage = [draws.describe(n) if low_res == "mixture" else "matlab" for n in range(24)]
    assert seen == [f"{n}: {text}" for n, text in enumerate(damage)]
