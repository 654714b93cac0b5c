import pytest
import torch

from srgan_gp.errors import UsageError
from srgan_gp.networks import build
from srgan_gp.training.checkpoint import read
from srgan_gp.training.critic.critic_freezing import freeze_first_stages, frozen
from srgan_gp.training.loop import train

CRITICS = [
    ("resnet_critic", {"width": 4, "stages": 3}),
    ("face_critic", {"size": 32, "width": 4}),
]


@pytest.mark.parametrize(("name", "arguments"), CRITICS)
def test_the_stem_and_the_first_stages_are_frozen(name, arguments):
    critic = build("critics", name, **arguments)
    freeze_first_stages(critic, 1)
    fixed = {key for key, value in critic.named_parameters() if not value.requires_grad}
    expected = {
        key
        for part in (critic.stem, critic.stages[0])
        for key, value in critic.named_parameters()
        if any(value is own for own in part.parameters())
    }
    assert fixed == expected
    assert 0 < len(fixed) < len(list(critic.parameters()))


@pytest.mark.parametrize(("name", "arguments"), CRITICS)
def test_one_stage_has_to_remain_trainable(name, arguments):
    critic = build("critics", name, **arguments)
    count = len(list(critic.stages))
    freeze_first_stages(critic, count - 1)
    with pytest.raises(UsageError, match=f"at most {count - 1}"):
        freeze_first_stages(critic, count)


def test_a_frozen_critic_passes_gradients_on_and_keeps_none():
    critic = build("critics", "resnet_critic", width=4, stages=2, conditional=False)
    images = torch.rand(4, 3, 16, 16, requires_grad=True)
    with frozen(critic):
        critic(images, None).sum().backward()
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in critic.parameters())
    assert all(parameter.requires_grad for parameter in critic.parameters())


def test_frozen_stages_stay_frozen_after_a_step_of_the_generator():
    critic = build("critics", "resnet_critic", width=4, stages=2)
    freeze_first_stages(critic, 1)
    before = [p.requires_grad for p in critic.parameters()]
    with frozen(critic):
        assert not any(p.requires_grad for p in critic.parameters())
    assert [p.requires_grad for p in critic.parameters()] == before


def test_a_run_with_frozen_stages_moves_the_others_and_resumes_with_the_same_bits(
    gan_config, pictures, tmp_path
):
    config = gan_config(freeze_critic_stages=1, total_images=24, checkpoint_images=4)
    whole = train(config, [str(pictures)], tmp_path / "whole", validation=str(pictures))
    last, _ = read(whole / "checkpoints" / "image-000000024.json")
    torch.manual_seed(config.seed)
    earlier, _ = read(sorted((whole / "checkpoints").glob("*.json"))[0])
    moved = {k for k in last if k.startswith("critic.") and not torch.equal(last[k], earlier[k])}
    assert moved
    assert all(key.startswith(("critic.body.1", "critic.head")) for key in moved)
    for path in (whole / "checkpoints").glob("image-000000024.*"):
        path.unlink()
    train(config, [str(pictures)], whole, validation=str(pictures))
    again, _ = read(whole / "checkpoints" / "image-000000024.json")
    assert all(torch.equal(again[key], last[key]) for key in last)
