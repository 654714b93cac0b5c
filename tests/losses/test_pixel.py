import pytest
import torch

from srgan_gp.losses.pixel import PIXEL_LOSSES, charbonnier, l1


def test_l1_of_a_known_offset():
    target = torch.rand(2, 3, 4, 4)
    assert l1(target + 0.25, target).item() == pytest.approx(0.25, rel=1e-6)


def test_charbonnier_is_epsilon_at_zero_and_the_hypotenuse_elsewhere():
    target = torch.zeros(1, 3, 4, 4)
    assert charbonnier(target, target, epsilon=0.5).item() == pytest.approx(0.5)
    assert charbonnier(target + 3, target, epsilon=4.0).item() == pytest.approx(5.0)


def test_charbonnier_has_a_gradient_of_zero_at_zero():
    output = torch.zeros(1, 3, 4, 4, requires_grad=True)
    charbonnier(output, torch.zeros(1, 3, 4, 4)).backward()
    assert output.grad.abs().max() == 0


@pytest.mark.parametrize("loss", PIXEL_LOSSES.values(), ids=PIXEL_LOSSES)
def test_half_precision_outputs_are_compared_in_float32(loss):
    target = torch.full((1, 3, 4, 4), 0.5)
    value = loss(target.bfloat16(), target + 2**-12)  # bfloat16 cannot hold the difference
    assert value.dtype == torch.float32
    assert value.item() >= 2**-24  # what an exact comparison gives at least: l2's square of it


def test_l2_is_the_mean_square():
    output = torch.tensor([[[[0.5, 0.25]]]])
    assert PIXEL_LOSSES["l2"](output, torch.zeros(1, 1, 1, 2)).item() == (0.25 + 0.0625) / 2
