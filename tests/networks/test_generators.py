import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks import build, names, task_of
from srgan_gp.networks.signatures import arguments_of

SMALL = {"width": 8, "blocks": 2}


def small(name):
    """Those of the small arguments that a generator takes."""
    return {key: value for key, value in SMALL.items() if key in arguments_of(name)}


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
    output = build("generators", name, scale=scale, **small(name))(torch.rand(2, 3, *size))
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


@pytest.mark.parametrize("name", ["srresnet", "unshuffle_resnet", "span"])
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"scale": 5}, "not 5"),
        ({"width": 7}, "width=7"),
        ({"blocks": 0}, "blocks=0"),
        ({"tail": "long"}, "'long'"),
        ({"depth": 3}, "depth"),
    ],
)
def test_invalid_arguments_are_named(name, arguments, text):
    with pytest.raises(UsageError, match=text):
        build("generators", name, **arguments)


@pytest.mark.parametrize("unshuffle", [0, 3])
def test_a_block_of_pixels_has_a_side_of_1_2_or_4(unshuffle):
    with pytest.raises(UsageError, match=f"not {unshuffle}"):
        build("generators", "unshuffle_resnet", unshuffle=unshuffle)


@torch.no_grad()
@pytest.mark.parametrize("unshuffle", [2, 4])
def test_the_first_layer_is_a_pixel_unshuffle_and_a_3x3_convolution(unshuffle):
    generator = build("generators", "unshuffle_resnet", unshuffle=unshuffle, **SMALL)
    low_res = torch.rand(1, 3, 5 * unshuffle, 7 * unshuffle)
    blocks = F.pad(F.pixel_unshuffle(low_res, unshuffle), (1, 1, 1, 1))
    # (out, in, 3u, 3u) -> (out, in * u * u, 3, 3), in the order of channels of PixelUnshuffle
    weight = F.pixel_unshuffle(generator.stem.weight, unshuffle)
    expected = F.conv2d(blocks, weight, generator.stem.bias)[..., 1:-1, 1:-1]
    found = F.conv2d(
        low_res, generator.stem.weight, generator.stem.bias, stride=unshuffle, padding=unshuffle
    )[..., 1:-1, 1:-1]
    pads = (unshuffle, 2 * unshuffle - 1) * 2
    padded = generator.stem(F.pad(low_res, pads, mode="replicate"))
    assert padded.shape[2:] == (5, 7)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(padded[..., 1:-1, 1:-1], expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (5, 8), (6, 7), (9, 11)])
@pytest.mark.parametrize("unshuffle", [2, 4])
def test_an_incomplete_block_is_completed_by_replication(unshuffle, size):
    torch.manual_seed(0)
    generator = build("generators", "unshuffle_resnet", unshuffle=unshuffle, **SMALL)
    low_res = torch.rand(1, 3, *size)
    pads = (0, -size[1] % unshuffle, 0, -size[0] % unshuffle)
    whole = generator(F.pad(low_res, pads, mode="replicate"))
    cut = whole[..., : 4 * size[0], : 4 * size[1]]
    assert torch.allclose(generator(low_res), cut, atol=1e-6)


def test_the_attention_of_a_span_block_is_odd_and_below_a_half():
    block = build("generators", "span", **SMALL).body[0]
    features = torch.randn(1, 8, 9, 9)
    change = block.third(F.silu(block.second(F.silu(block.first(features)))))
    attention = block(features) / (features + change)
    assert torch.allclose(attention, torch.tanh(change / 2) / 2, atol=1e-4)


@pytest.mark.parametrize("chosen", range(3))
def test_features_neither_vanish_nor_explode_in_a_fresh_span(chosen):
    torch.manual_seed(chosen)
    generator = build("generators", "span")
    features = generator.stem(torch.rand(1, 3, 32, 32))
    for block in generator.body:
        features = block(features)
        assert 1e-2 < features.square().mean().sqrt() < 1e2


def test_every_parameter_of_a_fresh_span_gets_a_gradient():
    torch.manual_seed(0)
    generator = build("generators", "span")
    generator(torch.rand(1, 3, 16, 16)).square().mean().backward()
    assert all(p.grad.norm() > 1e-6 for p in generator.parameters())


def test_the_parameter_count_of_span_is_the_sum_of_its_convolutions():
    generator = build("generators", "span", scale=4, width=48, blocks=6)
    hidden = 48 * 48 * 9 + 48
    expected = (3 * 48 * 9 + 48) + (3 * 6 + 1) * hidden + (4 * 48 * 48 + 48) + hidden
    assert sum(p.numel() for p in generator.parameters()) == expected


def test_an_unknown_architecture_lists_the_known_ones():
    with pytest.raises(UsageError, match="srresnet"):
        build("generators", "rrdb")
