import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks import build, names, task_of

SMALL = {"width": 8, "blocks": 2}
UPSCALERS = [name for name in names("generators") if task_of(name) == "super-resolution"]


@pytest.fixture(params=[(s, t) for s in (2, 3, 4) for t in ("direct", "staged")], ids=str)
def generator(request):
    scale, tail = request.param
    torch.manual_seed(0)
    return build("generators", "srresnet", scale=scale, tail=tail, **SMALL).eval()


@pytest.mark.parametrize("name", UPSCALERS)
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (13, 2)])
def test_sides_are_multiplied_by_the_scale(name, scale, size):
    output = build("generators", name, scale=scale, **SMALL)(torch.rand(2, 3, *size))
    assert output.shape == (2, 3, size[0] * scale, size[1] * scale)


def test_what_is_added_to_the_nearest_enlargement_has_no_checkerboard_at_the_start(generator):
    low_res = torch.rand(1, 3, 9, 11)
    scale = generator.scale
    enlarged = F.interpolate(low_res, scale_factor=float(scale), mode="nearest")
    added = (generator(low_res) - enlarged)[..., scale:-scale, scale:-scale].detach()
    phases = F.pixel_unshuffle(added, scale).unflatten(1, (3, -1))  # (1, 3, scale^2, h, w)
    means = phases.mean((-2, -1))
    assert added.abs().max() > 0
    if isinstance(generator.tail[-1], nn.PixelShuffle):
        assert torch.allclose(phases, phases[:, :, :1].expand_as(phases), atol=1e-6)
    assert (means.amax(-1) - means.amin(-1)).max() < 0.2 * added.abs().max()


def test_without_icnr_the_sub_pixels_would_differ():
    torch.manual_seed(0)
    generator = build("generators", "srresnet", scale=4, **SMALL)
    nn.init.normal_(generator.tail[0].weight, std=0.1)
    low_res = torch.rand(1, 3, 9, 11)
    added = generator(low_res) - F.interpolate(low_res, scale_factor=4.0, mode="nearest")
    phases = F.pixel_unshuffle(added, 4).unflatten(1, (3, -1))
    assert not torch.allclose(phases, phases[:, :, :1].expand_as(phases), atol=1e-3)


@torch.no_grad()
def test_the_network_learns_the_difference_to_the_nearest_enlargement(generator):
    last = [module for module in generator.tail.modules() if isinstance(module, nn.Conv2d)][-1]
    nn.init.zeros_(last.weight)
    low_res = torch.rand(1, 3, 5, 7)
    enlarged = low_res.repeat_interleave(generator.scale, 2).repeat_interleave(generator.scale, 3)
    assert torch.equal(generator(low_res), enlarged)


@torch.no_grad()
def test_features_reach_the_tail_past_the_body(generator):
    low_res = torch.rand(1, 3, 5, 7)
    enlarged = F.interpolate(low_res, scale_factor=float(generator.scale), mode="nearest")
    nn.init.zeros_(generator.merge.weight)
    assert torch.equal(generator(low_res), enlarged + generator.tail(generator.stem(low_res)))


def test_blocks_start_close_to_the_identity(generator):
    features = torch.randn(1, 8, 16, 16)
    change = generator.body(features) - features
    assert change.norm() < 0.5 * features.norm()


def test_there_is_no_normalisation(generator):
    kinds = {type(module).__name__ for module in generator.modules()}
    assert not {kind for kind in kinds if "Norm" in kind}


def test_the_parameter_count_of_the_shipped_size_is_the_sum_of_its_convolutions():
    generator = build("generators", "srresnet", scale=4, width=48, blocks=12)
    hidden = 48 * 48 * 9 + 48
    expected = (3 * 48 * 9 + 48) + (2 * 12 + 1) * hidden + (48 * 48 * 9 + 48)
    assert sum(p.numel() for p in generator.parameters()) == expected


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"scale": 5}, "not by 5"),
        ({"width": 7}, "width=7"),
        ({"blocks": 0}, "blocks=0"),
        ({"tail": "long"}, "'long'"),
        ({"depth": 3}, "depth"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments, text):
    with pytest.raises(UsageError, match=text):
        build("generators", "srresnet", **arguments)


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(UsageError, match="srresnet"):
        build("generators", "rrdb")
