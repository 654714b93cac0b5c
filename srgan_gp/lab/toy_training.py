"""Training of a generator and a critic of points in the plane, with records of both.

A toy run is one such training. `lab.experiments` lists the runs, `lab.toy_cache` saves them, and
`lab.toy_report` shows their records.
"""

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from srgan_gp.lab.toy_data import DISTRIBUTIONS
from srgan_gp.lab.toy_networks import Perceptron, ResidualPerceptron, build_toy_critic
from srgan_gp.lab.toy_records import describe_critic, measure_estimate, measure_gradient_norms
from srgan_gp.losses.adversarial import ADVERSARIAL_LOSSES
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS, clip_weights
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.options.optimizers import build_optimizer

LATENT_SIZE = 2
POINT_SIZE = 2  # x and y
SAMPLES = 2500
"""Number of points that modes and quality are measured on, as in VEEGAN (arXiv:1705.07761)."""
RECORDS = 20
"""A run has a record after every steps // RECORDS steps, at least 1, and after its last step. If
the number of steps is a multiple of RECORDS, it has RECORDS records. More records give smoother
curves, but each takes time."""


@dataclass(frozen=True)
class ToyConfig:
    """Options of one toy run; a saved run is found by its options.

    The defaults of `penalty_weight`, `clip_limit`, `critic_steps`, `batch_size`, `beta1` and
    `depth` are those of the toy code of Gulrajani et al. 2017, the others are this project's.

    Attributes:
        data: distribution of the real points, a name in `DISTRIBUTIONS`.
        penalty: what bounds the slope of the critic, a name in `LIPSCHITZ_TERMS`.
        penalty_weight: weight of the penalty in the critic's loss.
        clip_limit: largest absolute weight of the critic, if the penalty is "weight_clipping".
        loss: name in `ADVERSARIAL_LOSSES`.
        norm: normalisation of the critic: none, layer or spectral.
        critic_steps: steps of the critic per step of the generator.
        steps: steps of the generator.
        batch_size: real points of a step, and as many generated ones.
        optimizer: name in `training.options.optimizers.OPTIMIZERS`.
        learning_rate: rate of both networks.
        decays: whether the rate falls linearly to 0.
        beta1: beta1 of Adam.
        width: units of each hidden layer.
        depth: number of hidden layers, or of residual blocks.
        is_residual: whether both networks are `ResidualPerceptron`.
        training_points: number of different real points; 0: new points are drawn for each step.
        seed: seed of weights and draws.
    """

    data: str = "25-gaussians"
    penalty: str = "wgan_gp"
    penalty_weight: float = 0.1
    clip_limit: float = 0.01
    loss: str = "wasserstein"
    norm: str = "none"
    critic_steps: int = 5
    steps: int = 4000
    batch_size: int = 256
    optimizer: str = "adam"
    learning_rate: float = 5e-4
    decays: bool = False
    beta1: float = 0.5
    width: int = 128
    depth: int = 3
    is_residual: bool = False
    training_points: int = 0
    seed: int = 0


@dataclass
class ToyRun:
    """Records of a run, in types that JSON can hold.

    Attributes:
        history: records, as many as `RECORDS` describes, each with `step`; the scores of
            `Gaussians.score` or `SwissRoll.score`; `estimate` and `validation_estimate`, the
            critic's mean score of training points, and of new ones, minus that of generated points;
            and the results of `toy_records.measure_gradient_norms`.
        samples: points of the generator at the end, [[x, y], ...].
        critic: result of `toy_records.describe_critic` for the critic at the end.
        seconds: wall time of the steps, without the records.
        cpu_seconds: processor time of the steps, without the records.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    samples: list[list[float]] = field(default_factory=list)
    critic: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class _Training:
    """Networks, optimizers and random draws of a run."""

    def __init__(self, config: ToyConfig) -> None:
        self.config = config
        self.data = DISTRIBUTIONS[config.data]()
        self.random = torch.Generator().manual_seed(config.seed)  # of points and latents
        torch.manual_seed(config.seed)  # of the networks' weights
        self.critic = build_toy_critic(
            config.width, config.depth, config.norm, is_residual=config.is_residual
        )
        network_class = ResidualPerceptron if config.is_residual else Perceptron
        self.generator = network_class(LATENT_SIZE, POINT_SIZE, config.width, config.depth)
        self.penalty = LIPSCHITZ_TERMS[config.penalty]
        self.loss = ADVERSARIAL_LOSSES[config.loss]
        self.optimizers: dict[nn.Module, torch.optim.Optimizer] = {}
        for network in (self.critic, self.generator):
            # beta2 as in Gulrajani et al. 2017, algorithm 1.
            self.optimizers[network] = build_optimizer(
                config.optimizer, network, config.learning_rate, config.beta1, beta2=0.9
            )
        self._points: Tensor | None = None  # (N, 2), if the number of real points is limited
        if config.training_points:
            self._points = self.data.draw(config.training_points, self.random)

    def real(self) -> Tensor:
        """Draw a batch of real points, (B, 2)."""
        count = self.config.batch_size
        if self._points is None:
            return self.data.draw(count, self.random)
        indices = torch.randint(len(self._points), (count,), generator=self.random)
        return self._points[indices]

    def fake(self, count: int | None = None) -> Tensor:
        """Generate points, (count, 2), by default a batch."""
        latents = torch.randn(count or self.config.batch_size, LATENT_SIZE, generator=self.random)
        return self.generator(latents)

    def critic_step(self) -> None:
        """Update the critic on one batch."""
        config, real = self.config, self.real()
        with torch.no_grad():
            fake = self.fake()
        real_scores, fake_scores = self.critic(torch.cat([real, fake])).split(len(real))
        loss = self.loss.critic(real_scores, fake_scores)
        # These two add nothing to the loss; the weights are clipped after the step.
        if config.penalty not in ("none", "weight_clipping"):
            # Positions between real and generated points, and noise for points beside real ones.
            epsilon = torch.rand(len(real), 1, generator=self.random)
            noise = torch.rand(real.shape, generator=self.random)
            penalty = self.penalty(self.critic, real, fake, epsilon, noise)
            loss = loss + config.penalty_weight * penalty.value
        self._step(self.critic, loss)
        if self.penalty.clips_weights:
            clip_weights(self.critic, config.clip_limit)

    def generator_step(self) -> None:
        """Update the generator on one batch."""
        fake = self.fake()
        with frozen(self.critic):
            scores = self.critic(fake)
            # Relativistic losses compare with real scores; others ignore their second argument.
            real_scores = self.critic(self.real()) if self.loss.is_paired else scores
        self._step(self.generator, self.loss.generator(scores, real_scores))

    def set_learning_rates(self, share: float) -> None:
        """Set the learning rates after a share of the run, in [0, 1)."""
        rate = self.config.learning_rate
        if self.config.decays:
            rate *= 1 - share
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate

    def record(self, step: int) -> dict[str, float]:
        """Measure the run; see `ToyRun.history`.

        Its draws come from a generator of their own: they do not change those of the training, and
        are the same in every record.
        """
        random = torch.Generator().manual_seed(1)
        validation = self.data.draw(SAMPLES, random)
        # Where every batch has new points, training points do not differ from validation points.
        training = validation if self._points is None else self._points
        with torch.no_grad():
            fake = self.generator(torch.randn(SAMPLES, LATENT_SIZE, generator=random))
        record = {"step": float(step), **self.data.score(fake)}
        record["estimate"] = measure_estimate(self.critic, training, fake)
        record["validation_estimate"] = measure_estimate(self.critic, validation, fake)
        return record | measure_gradient_norms(self.critic, validation, fake, random)

    def _step(self, network: nn.Module, loss: Tensor) -> None:
        """Minimise a loss by one step of the network's optimizer."""
        optimizer = self.optimizers[network]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def train_toy(config: ToyConfig) -> ToyRun:
    """Train a toy run; see `RECORDS` for the steps after which it is recorded.

    Raises:
        UsageError: the critic's normalisation or the optimizer is unknown.
        KeyError: the name of the data, penalty or loss is unknown.
    """
    training, run = _Training(config), ToyRun()
    record_interval = max(config.steps // RECORDS, 1)  # steps
    for step in range(1, config.steps + 1):
        start, cpu_start = time.monotonic(), time.process_time()
        training.set_learning_rates((step - 1) / config.steps)
        for _ in range(config.critic_steps):
            training.critic_step()
        training.generator_step()
        run.seconds += time.monotonic() - start
        run.cpu_seconds += time.process_time() - cpu_start
        if step % record_interval == 0 or step == config.steps:
            run.history.append(training.record(step))
    with torch.no_grad():
        run.samples = training.fake(SAMPLES).tolist()
    run.critic = describe_critic(training.critic, training.data.draw(SAMPLES, training.random))
    return run
