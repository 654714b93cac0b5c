"""Runs with a critic: turns of both networks, checkpoints, log and exported weights."""

import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.exporting.export import load_run
from srgan_gp.training import checkpoint
from srgan_gp.training.distributed import Processes
from srgan_gp.training.loop import train
from srgan_gp.training.tasks import SuperResolution


def tensors_of(run_dir, images_seen=64, whose=""):
    path = run_dir / "checkpoints" / f"image-{images_seen:09d}.safetensors"
    return {k: v for k, v in load_file(path).items() if k.startswith(whose)}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def lines_of(run_dir):
    return [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]


def resumed(gan_run, gan_config, pictures, folder, images_seen):
    """Copy a run as it was at `images_seen` and let it go on to its end."""
    run_dir = shutil.copytree(gan_run, folder / "again")
    for path in (run_dir / "checkpoints").iterdir():
        if int(path.stem.removeprefix("image-")) > images_seen:
            path.unlink()
    config = gan_config(checkpoint_images=16, keep_checkpoints=9)
    return train(config, [str(pictures)], run_dir, validation=str(pictures))


@pytest.mark.parametrize("images_seen", [16, 32])
def test_a_stopped_run_ends_with_the_same_bits(
    gan_run, gan_config, pictures, tmp_path, images_seen
):
    again = resumed(gan_run, gan_config, pictures, tmp_path, images_seen)
    assert same(tensors_of(again), tensors_of(gan_run))


@pytest.mark.parametrize("part", ["critic.", "critic_optimizer."])
def test_without_a_part_of_the_critic_the_bits_differ(
    gan_run, gan_config, pictures, tmp_path, part, monkeypatch
):
    read = checkpoint.read

    def read_without_part(path):
        tensors, numbers = read(path)
        for name in tensors:
            if name.startswith(part):
                tensors[name] = tensors[name] * 0.9
        return tensors, numbers

    monkeypatch.setattr(checkpoint, "read", read_without_part)
    again = resumed(gan_run, gan_config, pictures, tmp_path, 32)
    assert not same(tensors_of(again), tensors_of(gan_run))


def test_the_generator_does_not_change_while_the_critic_warms_up(gan_run, gan_config, pictures):
    torch.manual_seed(gan_config().seed)
    first, last = tensors_of(gan_run, 16), tensors_of(gan_run, 64)
    generator = [name for name in first if name.startswith(("generator.", "average."))]
    critic = [name for name in first if name.startswith("critic.")]
    assert any(not torch.equal(first[name], last[name]) for name in generator)
    assert not any(name.startswith("optimizer.") for name in first)  # no step was taken
    assert any(name.startswith("critic_optimizer.") for name in first)
    assert all(not torch.equal(first[name], last[name]) for name in critic if "weight" in name)
    weights = tensors_of(gan_run, 16, "generator.").items()
    average = tensors_of(gan_run, 16, "average.")
    assert all(torch.equal(average[k.replace("generator.", "average.")], v) for k, v in weights)


def test_the_log_holds_the_diagnostics_of_the_critic(gan_run):
    lines = [line for line in lines_of(gan_run) if "health/critic_estimate" in line]
    assert len(lines) == 4
    assert not {"loss/adversarial", "learning_rate"} & lines[0].keys()  # warm-up
    for line in lines[1:]:
        health = {k.removeprefix("health/"): v for k, v in line.items() if k.startswith("health/")}
        assert health.keys() == {
            "critic_estimate", "interpolate_norm", "largest_score", "critic_gradient_norm",
            "gradient_ratio", "adversarial_ratio", "diversity", "real_score", "validation_estimate",
            "training_estimate", "estimate_error", "validation_batches", "steep_share",
        }  # fmt: skip
        assert all(math.isfinite(value) for value in health.values())
        assert {"loss/pixel", "loss/adversarial"} <= line.keys()
    validations = [line for line in lines_of(gan_run) if "validation/psnr_y" in line]
    assert all(math.isfinite(line["validation/critic_estimate"]) for line in validations)


class Brightness(nn.Module):
    """A critic of gradient norm 1 that scores brightness: mean of an image times sqrt(values).

    The weight starts at 1 and does not change at a tiny learning rate.
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.generators_scores = []

    def forward(self, pictures, condition):
        root = math.sqrt(pictures[0].numel())
        scores = self.weight * pictures.mean((1, 2, 3)) * root
        if not self.weight.requires_grad:  # frozen: the generator's turn
            self.generators_scores.append(scores.mean().item() / root)
        return scores


@pytest.fixture
def brightness(monkeypatch):
    """Make `Brightness` the critic of every run."""
    critic = Brightness()
    monkeypatch.setattr(SuperResolution, "build_critic", lambda _: critic)
    return critic


@pytest.fixture
def still_config(gan_config):
    """`tiny-gan` with a constant critic and a generator that steps from the start."""

    def make(**changes):
        still = {"critic_learning_rate": 1e-12, "critic_warmup_images": 0, "warmup_images": 0}
        return gan_config(**still | changes)

    return make


def test_the_generator_follows_the_critic(still_config, pictures, tmp_path, brightness):
    config = still_config(adversarial_ratio=100.0, ratio_ramp_images=0, learning_rate=5e-3)
    run_dir = train(config, [str(pictures)], tmp_path / "run", validation=str(pictures))
    scores = brightness.generators_scores
    assert len(scores) == 16
    assert scores[-1] > scores[0] + 0.3  # brighter by a third of the way from black to white
    # The estimate is real minus generated: too bright images take it below 0.
    estimates = [line.get("validation/critic_estimate") for line in lines_of(run_dir)]
    first, last = [value for value in estimates if value is not None]
    assert last < min(first, 0)


def test_each_network_has_an_adam_of_its_own_options(still_config, pictures, tmp_path, monkeypatch):
    config = still_config(
        learning_rate=3e-4, final_learning_rate=3e-4, adam_beta1=0.8, adam_beta2=0.95,
        critic_learning_rate=5e-4, critic_beta1=0.1, critic_beta2=0.7,
    )  # fmt: skip
    states = []
    monkeypatch.setattr(checkpoint, "save", lambda state, _: states.append(state))
    train(config, [str(pictures)], tmp_path / "run")
    state = states[-1]
    for network, optimizer, betas, rate in (
        (state.generator, state.optimizer, (0.8, 0.95), 3e-4),
        (state.critic, state.critic_optimizer, (0.1, 0.7), 5e-4),
    ):
        (group,) = optimizer.param_groups
        assert all(a is b for a, b in zip(group["params"], network.parameters(), strict=True))
        assert group["betas"] == betas
        assert group["lr"] == pytest.approx(rate)


@pytest.mark.parametrize("conditional", [True, False])
def test_the_condition_is_the_low_res_input(gan_config, pictures, conditional):
    config = gan_config(critic_conditional=conditional)
    device = torch.device("cpu")
    task = SuperResolution(config, [str(pictures)], None, device, Processes(device))
    batches = task.batches(0)
    batch = next(batches)
    batches.close()
    if not conditional:
        assert batch.condition is None
        return
    assert batch.condition.shape == (4, 3, 8, 8)
    assert torch.equal(batch.condition, batch.inputs)


def test_the_measured_ratio_is_the_set_ratio(still_config, pictures, tmp_path, brightness):
    # Slope 1 and mean L1, by the formula.
    config = still_config(ratio_ramp_images=32, adversarial_ratio=0.2, report_images=4)
    lines = lines_of(train(config, [str(pictures)], tmp_path / "run"))
    expected = [0.2 * min(image / 32, 1) for image in range(0, 64, 4)]
    for name in ("health/adversarial_ratio", "health/gradient_ratio"):
        assert [line[name] for line in lines] == pytest.approx(expected, rel=1e-3)


def test_each_report_has_the_measures_though_the_generator_rests_at_its_end(
    still_config, pictures, tmp_path, brightness
):
    config = still_config(critic_steps=3, report_images=16, total_images=96)
    for line in lines_of(train(config, [str(pictures)], tmp_path / "run")):
        assert {"health/gradient_ratio", "health/diversity"} <= line.keys()


def test_a_critic_that_diverges_is_named_with_its_rate(
    still_config, pictures, tmp_path, brightness, monkeypatch
):
    forward = Brightness.forward

    def diverging(self, pictures, condition):
        steps = len(self.generators_scores)
        return forward(self, pictures, condition) * (float("inf") if steps == 3 else 1)

    monkeypatch.setattr(Brightness, "forward", diverging)
    with pytest.raises(
        TrainingError, match=r"After 12 images the critic .*\.png.* Lower critic_learning_rate"
    ):
        train(still_config(), [str(pictures)], tmp_path / "run")


def test_a_critic_that_does_not_fit_names_the_options_of_critics(
    finished_run, gan_config, pictures, tmp_path
):
    generator = tensors_of(finished_run, whose="average.")
    generator = {k.removeprefix("average."): v for k, v in generator.items()}
    save_file(generator, tmp_path / "model.safetensors")
    save_file({"weight": torch.zeros(3)}, tmp_path / "model.critic.safetensors")
    start = tmp_path / "model.safetensors"
    with pytest.raises(UsageError, match=r"model\.critic\..* critic_width, critic_stages"):
        train(gan_config(), [str(pictures)], tmp_path / "run", start_from=start)


def test_batches_of_one_image_have_no_diversity(still_config, pictures, tmp_path, brightness):
    run_dir = train(still_config(batch_size=1), [str(pictures)], tmp_path / "run")
    assert not any("health/diversity" in line for line in lines_of(run_dir))
    assert "NaN" not in (run_dir / "stats.jsonl").read_text()


def test_the_last_weights_are_exported_not_those_of_the_highest_psnr(
    gan_config, pictures, tmp_path, monkeypatch
):
    scores = iter([9.0, 5.0])
    monkeypatch.setattr(SuperResolution, "validate", lambda *_: {"psnr_y": next(scores)})
    run_dir = train(gan_config(), [str(pictures)], tmp_path / "run", validation=str(pictures))
    assert load_run(run_dir)[2] == 64


def test_a_ratio_of_0_needs_no_critic(gan_config, pictures, tmp_path):
    config = gan_config(adversarial_ratio=0.0)
    run_dir = train(config, [str(pictures)], tmp_path / "run")
    assert not tensors_of(run_dir, whose="critic")
    assert not any("critic" in name for line in lines_of(run_dir) for name in line)


def test_a_critic_beside_the_weights_is_where_the_critic_begins(
    gan_run, gan_config, pictures, tmp_path
):
    for whose, name in (("average.", "model"), ("critic.", "model.critic")):
        found = tensors_of(gan_run, whose=whose)
        found = {k.removeprefix(whose): v.half() for k, v in found.items()}
        save_file(found, tmp_path / f"{name}.safetensors")
    config = gan_config(critic_learning_rate=1e-12, total_images=4, critic_warmup_images=0)
    run_dir = train(
        config, [str(pictures)], tmp_path / "second", start_from=tmp_path / "model.safetensors"
    )
    for name, value in tensors_of(gan_run, whose="critic.").items():
        found = tensors_of(run_dir, 4)[name]
        torch.testing.assert_close(found, value, rtol=1e-3, atol=1e-4)
