"""Options of all toy runs of the lab, in groups; each group is a table or figure of its report.

`scripts/lab.py` trains the runs. Numbers without a source are this project's; the runs have so few
steps that each takes minutes on one core. The names of the penalties are those of
`losses.lipschitz_baselines`.
"""

from dataclasses import replace

from srgan_gp.lab.toy_training import ToyConfig

Group = dict[str, ToyConfig]
"""Options of runs, by the name of their row, panel or curve."""

TWO_SIDED = ToyConfig(
    penalty_weight=0.1, critic_steps=5, steps=4000, learning_rate=2e-3, decays=True
)
"""WGAN-GP (a two-sided penalty on the gradient norm) with 5 critic steps and the weight 0.1, as in
the toy code of Gulrajani et al. 2017; a high rate that decays, so that 4000 steps suffice."""
SHORT = 1000
"""Number of steps of the runs that `short_run` makes, a quarter of those of `TWO_SIDED`, to save
time. These runs have one seed, and are compared with each other."""
CLIPPING = ToyConfig(
    penalty="weight_clipping", clip_limit=0.01, optimizer="rmsprop", learning_rate=2e-4, steps=2000
)
"""WGAN with weights clipped to c = 0.01, as in Arjovsky et al. 2017, at four times the rate of the
paper."""
RELATIVISTIC = ToyConfig(
    penalty="r1_r2", loss="relativistic", critic_steps=1, steps=5000, learning_rate=1e-3,
    decays=True,
)  # fmt: skip
"""Loss of R3GAN (Huang et al. 2024): one critic step, both zero-centred penalties."""
NON_SATURATING = replace(RELATIVISTIC, penalty="r1", loss="non_saturating", steps=3000)
"""Loss and penalty of Mescheder et al. 2018."""
SEEDS = (0, 1, 2)
SEVERAL_SEEDS = {
    "wgan_gp": TWO_SIDED, "weight_clipping": CLIPPING, "r1_r2": RELATIVISTIC,
}  # fmt: skip
"""Rows of which the report shows the median over `SEEDS`; the others have the seed 0 only."""


def short_run(**options: object) -> ToyConfig:
    """Return `TWO_SIDED` with `SHORT` steps, and with some options replaced."""
    return replace(TWO_SIDED, **{"steps": SHORT, **options})  # type: ignore[arg-type]


_WAYS_TO_BOUND: Group = {
    **SEVERAL_SEEDS,
    "wgan_gp, short": short_run(),
    "one_sided": short_run(penalty="one_sided"),
    "segment_ratio": short_run(penalty="segment_ratio"),
    # Twice the weight of l1_hinge: in the plane, the L1 norm is up to twice the L-infinity norm.
    "linf_hinge": short_run(penalty="linf_hinge", penalty_weight=0.2),
    "l1_hinge": short_run(penalty="l1_hinge"),
    "zero_centred": short_run(penalty="zero_centred"),
    "r1": NON_SATURATING,
    "r2": replace(NON_SATURATING, penalty="r2"),
    "dragan": replace(NON_SATURATING, penalty="dragan"),
    "adversarial_lipschitz": short_run(penalty="adversarial_lipschitz"),
    # Unverified: `losses.lipschitz_baselines` has the formula from the abstract of the paper only.
    "total_variation (unverified)": short_run(penalty="total_variation"),
    "none": short_run(penalty="none"),
    "none, spectral norm": short_run(penalty="none", norm="spectral"),
    "wgan_gp, layer norm": short_run(norm="layer"),
    "wgan_gp, hinge loss": short_run(loss="hinge"),
    "wgan_gp, RMSProp": short_run(optimizer="rmsprop"),
}
"""All ways to bound the critic's slope, and variants of the two-sided penalty."""

# 12 hidden layers: gradients vanish or explode over that depth, as in figure 1b of WGAN-GP.
_PERCEPTRON = ToyConfig(
    data="swiss-roll", depth=12, width=256, batch_size=64, steps=60, critic_steps=5,
    penalty_weight=10.0, learning_rate=1e-4,
)  # fmt: skip
_CLIPPED_PERCEPTRON = replace(
    _PERCEPTRON, penalty="weight_clipping", optimizer="rmsprop", learning_rate=1e-3
)
"""A high rate, so that the weights reach their limits within the 60 x 5 critic steps."""
_RESIDUAL = ToyConfig(
    data="swiss-roll", is_residual=True, depth=50, width=32, batch_size=128, critic_steps=3,
    steps=250, penalty_weight=10.0, learning_rate=5e-4, decays=True, beta1=0.0,
)  # fmt: skip
"""101 hidden layers in each network: 50 residual blocks of two, and the first."""
_SURFACES: Group = {
    f"{data}, {name}": replace(config, data=data, steps=200)
    for data in ("8-gaussians", "swiss-roll")
    for name, config in (("wgan_gp", TWO_SIDED), ("weight_clipping", CLIPPING))
}
"""Runs whose critics are drawn as surfaces over the plane, as in figure 1a of WGAN-GP."""

GROUPS: dict[str, Group] = {
    "members": _WAYS_TO_BOUND,  # a run for each way to bound the slope of a critic
    "layer-gradients": {  # norm of the critic's gradient in each layer
        "clipping, c = 0.001": replace(_CLIPPED_PERCEPTRON, clip_limit=0.001),
        "clipping, c = 0.01": replace(_CLIPPED_PERCEPTRON, clip_limit=0.01),
        "clipping, c = 0.1": replace(_CLIPPED_PERCEPTRON, clip_limit=0.1),
        "wgan_gp": _PERCEPTRON,
    },
    "deep": {"101 layers, wgan_gp": _RESIDUAL},
    # So few points that the critic memorises them.
    "overfitting": {"100 training points": short_run(training_points=100)},
    "surfaces": _SURFACES,
    "critic-steps": {f"{count} critic steps": short_run(critic_steps=count) for count in (1, 2, 5)},
    "weights": {  # of the penalty
        f"weight {weight:g}": short_run(penalty_weight=weight) for weight in (0.1, 1.0, 10.0, 100.0)
    },
    "seeds": {
        f"{name}, seed {seed}": replace(config, seed=seed)
        for seed in SEEDS[1:]  # the runs with seed 0 are in _WAYS_TO_BOUND
        for name, config in SEVERAL_SEEDS.items()
    },
}
"""All runs, the most important groups first. A run in two groups is trained once."""


def quick(group: Group) -> Group:
    """Shorten the runs of a group to 4 steps of small networks, to test the lab itself."""
    return {
        name: replace(
            config,
            steps=4,
            batch_size=32,
            width=min(config.width, 16),
            depth=min(config.depth, 6),
            critic_steps=min(config.critic_steps, 2),
        )
        for name, config in group.items()
    }
