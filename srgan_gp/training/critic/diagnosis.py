"""Diagnosis of a run from its log: one message for each problem, with what to try.

`diagnostics` measures the values during a run; `run_diagnosis` reads the log of a folder and calls
`diagnose`. The names of the values are explained in `reports.logged_numbers`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.training.critic.diagnostics import MEMORISED_GAP, MIN_STANDARD_ERRORS

Line = Mapping[str, object]
"""One line of `stats.jsonl`: numbers by name."""
Series = Callable[[str], list[float]]
"""Name of a value -> its numbers in the log, oldest first; empty if the log has none."""

# The limits are this project's own, and how they were chosen is not recorded. Stricter limits would
# report more healthy runs, looser ones would miss more problems.
STEEPEST, FLATTEST = 1.3, 0.7
"""Mean gradient norms outside of this range are reported for a penalty that pulls it to 1."""
MAX_STEEP_SHARE = 0.01
"""A larger share of gradient norms above 2 (`critic_log_values.STEEP`) is reported."""
VANISHED = 0.05
"""A clipped critic with a smaller mean gradient norm hardly moves its generator."""
MAX_SCORE = 1000.0
"""A larger absolute score is reported."""
MIN_DIVERSITY = 0.3
"""A smaller diversity, relative to that of real images, is reported."""
MAX_PSNR_LOSS = 3.0
"""dB of PSNR-Y that a critic may cost against the first validation."""
EXPLODED = 20.0
"""A gradient norm of this many times its median in the run is reported."""
RISE = 1.1
"""A critic estimate of more than this many times its value in the middle of the run is reported."""
PARTS = 4
"""A log is divided into this number of parts: the last one is recent, the first one early. Longer
parts would mix a problem with what was before it, shorter ones have noisier means."""


def diagnose(lines: Sequence[Line], penalty: str = "wgan_gp") -> list[str]:
    """Describe the problems of a run.

    Args:
        lines: lines of `stats.jsonl`, oldest first; any name may be missing.
        penalty: value of the option `penalty` of the run, which decides the norm to expect.

    Returns:
        One message for each problem: value, meaning and what to try. A single message that no
        problem was found, if there is none. Empty if no line has a measured value.
    """

    def series(name: str) -> list[float]:
        values = [line.get(name) for line in lines]
        return [float(value) for value in values if isinstance(value, int | float)]

    # Measured values are floats; `images_seen` and `step` are integers.
    has_measured_values = any(isinstance(value, float) for line in lines for value in line.values())
    if not has_measured_values:
        return []
    problems = _not_finite(lines)
    if not problems:  # means of values that are not finite would say nothing
        for check in (_norm, _overfitting, _estimate, _scores, _diversity, _gradients, _psnr):
            problems += check(series, penalty)
    return problems or [f"No problem found{_summary(series)}."]


def _recent(values: list[float]) -> float:
    """Return the mean of the last quarter of the values, of at least one."""
    count = max(len(values) // PARTS, 1)
    return fmean(values[-count:])


def _not_finite(lines: Sequence[Line]) -> list[str]:
    """Report the first value that is infinite or NaN."""
    for line in lines:
        for name, value in line.items():
            if isinstance(value, float) and not math.isfinite(value):
                return [
                    f"{name} is {value} after {line.get('images_seen')} images: the run diverged; "
                    "lower both learning rates, and resume from an earlier checkpoint."
                ]
    return []


def _norms(series: Series, penalty: str) -> list[float]:
    """Return the critic's gradient norms, or slopes, at the points that the penalty uses."""
    # For a penalty unknown to this version, points between real and fake images are assumed.
    place = LIPSCHITZ_TERMS[penalty].place if penalty in LIPSCHITZ_TERMS else "interpolate"
    return series(f"health/{place}_norm")


def _has_vanished(series: Series, penalty: str) -> bool:
    """Return whether a clipped critic is almost flat, so that its estimate is rounding noise."""
    norms = _norms(series, penalty)
    return penalty == "weight_clipping" and bool(norms) and _recent(norms) < VANISHED


# Each check from here to `_psnr` returns a message for each problem it finds: mostly one or none.
# All have the same arguments, though some need no `penalty`.


def _norm(series: Series, penalty: str) -> list[str]:
    """Report a gradient norm of the critic that is far from what its penalty aims at."""
    norms, steep_shares = _norms(series, penalty), series("health/steep_share")
    if not norms:
        return []
    norm = _recent(norms)
    share = _recent(steep_shares) if steep_shares else 0.0
    if _has_vanished(series, penalty):
        return [
            f"Slope {norm:.3f}: the clipped critic is almost flat, its gradients vanish; raise "
            "--clip-limit, or use --penalty wgan_gp."
        ]
    # These penalties do not aim at an L2 norm of at most 1.
    if penalty in ("none", "weight_clipping", "total_variation", "linf_hinge", "l1_hinge"):
        return []
    if norm > STEEPEST or share > MAX_STEEP_SHARE:
        above = f", {share:.0%} above 2" if steep_shares else ""
        return [f"Gradient norm {norm:.2g}{above}: penalty too weak; raise --penalty-weight."]
    if penalty in ("wgan_gp", "dragan") and norm < FLATTEST:
        return [
            f"Gradient norm {norm:.2g} instead of 1: the critic is still flat; train longer, raise "
            "--critic-learning-rate or lower --drift-weight."
        ]
    return []


def _overfitting(series: Series, penalty: str) -> list[str]:
    """Report a critic estimate on training images far above that on validation images.

    The critic has memorised its images if the gap between both is at least the share
    `MEMORISED_GAP` of the training estimate. It overfits if the gap is over half of it and has
    doubled since the first part of the log, and if the validation estimate is below its maximum.
    """
    training = series("health/training_estimate")
    validation = series("health/validation_estimate")
    if not training or len(training) != len(validation):
        return []
    gaps = [a - b for a, b in zip(training, validation, strict=True)]
    late_training, late_validation, late_gap = map(_recent, (training, validation, gaps))
    if late_training <= 0:  # the gap cannot be a share of it; `_estimate` reports such a critic
        return []
    early_gap = fmean(gaps[: max(len(gaps) // PARTS, 1)])
    has_doubled = len(gaps) >= PARTS and late_gap > 2 * abs(early_gap)
    is_validation_falling = validation[-1] < max(validation)
    if late_gap / late_training >= MEMORISED_GAP:
        finding = "the critic has memorised its training images"
    elif has_doubled and is_validation_falling and late_gap > late_training / 2:
        finding = "the critic overfits"
    else:
        return []
    return [
        f"Critic estimate {late_training:.3g} on training images, {late_validation:.3g} on "
        f"validation images, and the two move apart: {finding}; add images, or use --augment "
        "colour,translation,cutout."
    ]


def _estimate(series: Series, penalty: str) -> list[str]:
    """Report a critic estimate that is negative, lost in noise, or still rising."""
    estimates, errors = series("health/critic_estimate"), series("health/estimate_error")
    if not estimates or _has_vanished(series, penalty):
        return []
    last, highest = _recent(estimates), max(estimates)
    if last < 0:
        return [
            f"Critic estimate {last:.3g}: the critic scores generated images above real ones; "
            "raise --critic-steps or --critic-learning-rate."
        ]
    # The logged error is that of one batch. A line is a mean over 100 batches or more, except in
    # presets for tests: its error is at most 1 / sqrt(100) of the logged one. In a fine-tuning of a
    # face model it may be a mean over 9: some estimates within the noise are then not reported.
    noise = MIN_STANDARD_ERRORS * _recent(errors) / 10 if errors else 0.0
    # If an estimate was twice the last one, the critic did separate the images, which have become
    # more similar since, as they should.
    if last < noise and highest < 2 * last:
        return [
            f"Critic estimate {last:.3g} is within the noise of its batches: the critic does not "
            "separate real from generated images; raise --critic-steps or --critic-width."
        ]
    first_half = estimates[: len(estimates) // 2]
    # From this number of lines on, the last quarter of the first half has at least one.
    if len(estimates) >= 2 * PARTS and last > RISE * _recent(first_half):
        return [
            f"Critic estimate {last:.3g} still rises in the second half of the run: the generator "
            "does not follow; train longer, or raise --learning-rate."
        ]
    return []


def _scores(series: Series, penalty: str) -> list[str]:
    """Report scores that drift away from 0."""
    largest = series("health/largest_score")
    if not largest or _recent(largest) <= MAX_SCORE:
        return []
    return [f"Scores of up to {_recent(largest):.3g}: they drift; raise --drift-weight."]


def _diversity(series: Series, penalty: str) -> list[str]:
    """Report generated images that hardly differ from one another."""
    values = series("health/diversity")
    if not values or _recent(values) >= MIN_DIVERSITY:
        return []
    return [
        f"Diversity {_recent(values):.2f} of that of real images: the outputs of a batch are "
        "nearly equal (mode collapse) or smooth; lower --learning-rate or raise --critic-steps."
    ]


def _gradients(series: Series, penalty: str) -> list[str]:
    """Report a network whose weights get exploding gradients."""
    problems = []
    for name, network, option in (
        ("health/critic_gradient_norm", "critic", "critic-learning-rate"),
        ("gradient_norm", "generator", "learning-rate"),
    ):
        norms = series(name)
        if not norms:
            continue
        recent, median = _recent(norms), sorted(norms)[len(norms) // 2]
        if median and recent > EXPLODED * median:
            problems.append(
                f"Gradient norm of the {network}'s weights {recent:.3g}, {recent / median:.0f} "
                f"times its median: the {network} becomes unstable; lower --{option}."
            )
    return problems


def _psnr(series: Series, penalty: str) -> list[str]:
    """Report a PSNR that has fallen too far since the first validation."""
    scores = series("validation/psnr_y")
    if not scores or scores[0] - scores[-1] <= MAX_PSNR_LOSS:
        return []
    return [
        f"PSNR-Y {scores[-1]:.2f} dB, {scores[0] - scores[-1]:.2f} dB below the first validation: "
        "the critic outweighs the pixel loss; lower --adversarial-ratio."
    ]


def _summary(series: Series) -> str:
    """Return the end of the message that no problem was found: the critic estimate."""
    estimates = series("health/critic_estimate")
    if not estimates:
        return ""
    return (
        f": critic estimate on the training batches {max(estimates):.3g} at its highest, "
        f"{_recent(estimates):.3g} on average over the last quarter of the log"
    )
