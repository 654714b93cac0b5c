"""Toy runs: short ones that learn, records, and the cache."""

import math
from dataclasses import replace

import pytest
import torch

from srgan_gp.lab.experiments import GROUPS, SEVERAL_SEEDS, quick
from srgan_gp.lab.toy_cache import read_cached, run_cached
from srgan_gp.lab.toy_records import SURFACE_SIDE, describe_critic, measure_layer_gradients
from srgan_gp.lab.toy_training import ToyConfig, train_toy
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS

TINY = ToyConfig(steps=4, batch_size=16, width=8, depth=2, critic_steps=1)


@pytest.mark.parametrize("penalty", LIPSCHITZ_TERMS)
def test_every_bound_of_the_slope_trains(penalty):
    run = train_toy(replace(TINY, penalty=penalty))
    last = run.history[-1]
    assert last["step"] == 4
    assert all(math.isfinite(value) for value in last.values())
    assert len(run.samples) == 2500
    assert run.seconds > 0


def test_a_run_is_a_function_of_its_options():
    first, second, other = (train_toy(replace(TINY, seed=seed)) for seed in (0, 0, 1))
    assert first.history == second.history
    assert first.samples == second.samples
    assert first.history != other.history


def test_a_short_run_moves_the_generator_to_the_data():
    """Relativistic loss with both zero-centred penalties, the cheapest member, on 8 modes."""
    config = ToyConfig(
        data="8-gaussians", penalty="r1_r2", loss="relativistic", critic_steps=1, steps=900,
        batch_size=128, width=32, learning_rate=2e-3, decays=True,
    )  # fmt: skip
    run = train_toy(config)
    radius = torch.tensor(run.samples).norm(dim=1).mean()
    start = torch.tensor(train_toy(replace(config, steps=1)).samples).norm(dim=1).mean()
    target = 2 / 1.414
    assert (start - target).abs() > 0.5
    assert (radius - target).abs() < 0.25
    assert run.history[-1]["modes"] >= 5


def test_clipped_weights_pile_up_at_the_limits_and_penalised_ones_do_not():
    shares = {}
    for penalty in ("weight_clipping", "wgan_gp"):
        run = train_toy(replace(TINY, penalty=penalty, steps=60, width=32, optimizer="rmsprop"))
        weights = torch.tensor(run.critic["weights"]).abs()
        shares[penalty] = (weights > 0.95 * weights.max()).float().mean().item()
    assert shares["weight_clipping"] > 0.5
    assert shares["wgan_gp"] < 0.05


def test_clipping_makes_the_gradients_of_deep_critics_vanish_or_explode():
    gradients = {}
    for limit in (0.001, 0.5):
        config = replace(
            TINY, penalty="weight_clipping", clip_limit=limit, depth=8, width=32, steps=3
        )
        gradients[limit] = train_toy(config).critic["layer_gradients"]
    assert len(gradients[0.5]) == 8
    assert gradients[0.001][0] < 1e-6 * gradients[0.001][-1]
    assert gradients[0.5][0] > 10 * gradients[0.001][0]


def test_the_gradients_of_layers_are_those_of_the_formula():
    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1), torch.nn.Flatten(0))
    found = measure_layer_gradients(critic, torch.randn(5, 2))
    assert found == pytest.approx([critic[1].weight.norm().item()], rel=1e-5)


def test_the_surface_is_sampled_by_rows_of_y():
    class Height(torch.nn.Sequential):
        def forward(self, points):
            return points[:, 1] + 0 * super().forward(points)[:, 0]

    height = Height(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    surface = torch.tensor(describe_critic(height, torch.randn(3, 2))["surface"])
    rows = surface.view(SURFACE_SIDE, SURFACE_SIDE)
    assert (rows[0] == -2).all()
    assert (rows[-1] == 2).all()


def test_a_finite_training_set_has_an_estimate_of_its_own():
    run = train_toy(replace(TINY, training_points=10))
    assert run.history[-1]["estimate"] != run.history[-1]["validation_estimate"]
    run = train_toy(TINY)
    assert run.history[-1]["estimate"] == run.history[-1]["validation_estimate"]


def test_a_cached_run_is_not_trained_again(tmp_path, monkeypatch):
    assert read_cached(TINY, tmp_path) is None
    run = run_cached(TINY, tmp_path)
    monkeypatch.setattr("srgan_gp.lab.toy_cache.train_toy", None)
    assert run_cached(TINY, tmp_path) == run
    assert read_cached(replace(TINY, seed=1), tmp_path) is None
    for path in tmp_path.iterdir():
        path.write_text("damaged")
    assert read_cached(TINY, tmp_path) is None


def test_every_member_is_in_the_comparison_and_quick_runs_are_short():
    trained = {config.penalty for config in GROUPS["members"].values()}
    assert trained == set(LIPSCHITZ_TERMS)
    assert SEVERAL_SEEDS.items() <= GROUPS["members"].items()
    for group in GROUPS.values():
        assert max(config.steps for config in quick(group).values()) <= 4
