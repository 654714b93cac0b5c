"""Diagnosis of a run from its log: what is wrong, one line each, and what to try.

`diagnostics` measures the values during a run; `run_diagnosis` reads the log of a folder.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.training.critic.diagnostics import MEMORISED_GAP, MIN_STANDARD_ERRORS

Line = Mapping[str, object]
Series = Callable[[str], list[float]]

STEEPEST, FLATTEST = 1.3, 0.7
"""Mean gradient norms outside of this range are reported for a penalty that pulls it to 1."""
MAX_STEEP_SHARE = 0.01
"""Share of gradient norms above 2 that is reported."""
VANISHED = 0.05
"""Mean gradient norm below which a critic has no use for its generator."""
MAX_SCORE = 1000.0
MIN_DIVERSITY = 0.3
MAX_PSNR_LOSS = 3.0
"""dB of PSNR-Y that a critic may cost against the first validation."""
EXPLODED = 20.0
"""Ratio of a network's gradient norm to its median in the run."""
RECENT = 4
"""The last quarter of a log is its recent part."""


def diagnose(lines: Sequence[Line], penalty: str = "wgan_gp") -> list[str]:
    """Name the problems of a run.

    Args:
        lines: lines of `stats.jsonl`, oldest first; any name may be missing.
        penalty: name of the bound of the critic's slope, which decides the norm to expect.

    Returns:
        One line for each problem: value, meaning and what to try. One line that says that no
        problem was found, if there is none. Empty if there is no line with a number.
    """

    def series(name: str) -> list[float]:
        values = [line.get(name) for line in lines]
        return [float(value) for value in values if isinstance(value, int | float)]

    if not any(isinstance(value, float) for line in lines for value in line.values()):
        return []
    problems = _not_finite(lines)
    if not problems:
        for check in (_norm, _overfitting, _estimate, _scores, _diversity, _gradients, _psnr):
            problems += check(series, penalty)
    return problems or [f"No problem found{_summary(series)}."]


def _recent(values: list[float]) -> float:
    """Mean of the last quarter of the values."""
    return fmean(values[-max(len(values) // RECENT, 1) :])


def _not_finite(lines: Sequence[Line]) -> list[str]:
    for line in lines:
        for name, value in line.items():
            if isinstance(value, float) and not math.isfinite(value):
                return [
                    f"{name} is {value} after {line.get('images_seen')} images: the run diverged; "
                    "lower both learning rates, and resume from an earlier checkpoint."
                ]
    return []


def _norms(series: Series, penalty: str) -> list[float]:
    place = LIPSCHITZ_TERMS[penalty].place if penalty in LIPSCHITZ_TERMS else "interpolate"
    return series(f"health/{place}_norm")


def _has_vanished(series: Series, penalty: str) -> bool:
    """Return whether a clipped critic is almost flat, so that its estimate is rounding noise."""
    norms = _norms(series, penalty)
    return penalty == "weight_clipping" and bool(norms) and _recent(norms) < VANISHED


def _norm(series: Series, penalty: str) -> list[str]:
    norms, steep = _norms(series, penalty), series("health/steep_share")
    if not norms:
        return []
    norm = _recent(norms)
    share = _recent(steep) if steep else 0.0
    if _has_vanished(series, penalty):
        return [
            f"Slope {norm:.3f}: the clipped critic is almost flat, its gradients vanish; raise "
            "--clip-limit, or use --penalty wgan_gp."
        ]
    # These do not aim at an L2 norm of at most 1.
    if penalty in ("none", "weight_clipping", "total_variation", "linf_hinge", "l1_hinge"):
        return []
    if norm > STEEPEST or share > MAX_STEEP_SHARE:
        above = f", {share:.0%} above 2" if steep else ""
        return [f"Gradient norm {norm:.2g}{above}: penalty too weak; raise --penalty-weight."]
    if penalty in ("wgan_gp", "dragan") and norm < FLATTEST:
        return [
            f"Gradient norm {norm:.2g} instead of 1: the critic is still flat; train longer, raise "
            "--critic-learning-rate or lower --drift-weight."
        ]
    return []


def _overfitting(series: Series, penalty: str) -> list[str]:
    training = series("health/training_estimate")
    validation = series("health/validation_estimate")
    if not training or len(training) != len(validation):
        return []
    gap = [a - b for a, b in zip(training, validation, strict=True)]
    late_training, late_validation = _recent(training), _recent(validation)
    early = fmean(gap[: max(len(gap) // RECENT, 1)])
    # The gap has doubled since the first quarter of the log, and below also exceeds half of the
    # estimate, while the estimate on validation images falls.
    is_diverging = len(gap) >= RECENT and _recent(gap) > 2 * abs(early) and late_training > 0
    if late_training > 0 and _recent(gap) / late_training >= MEMORISED_GAP:
        what = "the critic has memorised its training images"
    elif is_diverging and validation[-1] < max(validation) and _recent(gap) > late_training / 2:
        what = "the critic overfits"
    else:
        return []
    return [
        f"Critic estimate {late_training:.3g} on training images, {late_validation:.3g} on "
        f"validation images, and the two move apart: {what}; add images, or use --augment "
        "colour,translation,cutout."
    ]


def _estimate(series: Series, penalty: str) -> list[str]:
    estimates, errors = series("health/critic_estimate"), series("health/estimate_error")
    if not estimates or _has_vanished(series, penalty):
        return []
    last, highest = _recent(estimates), max(estimates)
    if last < 0:
        return [
            f"Critic estimate {last:.3g}: the critic scores generated images above real ones; "
            "raise --critic-steps or --critic-learning-rate."
        ]
    # The mean over the n batches of a line has 1 / sqrt(n) of the error of one; n is about 100.
    if errors and last < MIN_STANDARD_ERRORS * _recent(errors) / 10 and highest < 2 * last:
        return [
            f"Critic estimate {last:.3g} is within the noise of its batches: the critic does not "
            "separate real from generated images; raise --critic-steps or --critic-width."
        ]
    if len(estimates) >= 2 * RECENT and last > 1.1 * _recent(estimates[: -len(estimates) // 2]):
        return [
            f"Critic estimate {last:.3g} still rises in the second half of the run: the generator "
            "does not follow; train longer, or raise --learning-rate."
        ]
    return []


def _scores(series: Series, penalty: str) -> list[str]:
    largest = series("health/largest_score")
    if not largest or _recent(largest) <= MAX_SCORE:
        return []
    return [f"Scores of up to {_recent(largest):.3g}: they drift; raise --drift-weight."]


def _diversity(series: Series, penalty: str) -> list[str]:
    found = series("health/diversity")
    if not found or _recent(found) >= MIN_DIVERSITY:
        return []
    return [
        f"Diversity {_recent(found):.2f} of that of real images: the outputs of a batch are nearly "
        "equal (mode collapse) or smooth; lower --learning-rate or raise --critic-steps."
    ]


def _gradients(series: Series, penalty: str) -> list[str]:
    found = []
    for name, network, option in (
        ("health/critic_gradient_norm", "critic", "critic-learning-rate"),
        ("gradient_norm", "generator", "learning-rate"),
    ):
        norms = sorted(series(name))
        median = norms[len(norms) // 2] if norms else 0.0
        recent = _recent(series(name)) if norms else 0.0
        if median and recent > EXPLODED * median:
            found.append(
                f"Gradient norm of the {network}'s weights {recent:.3g}, {recent / median:.0f} "
                f"times its median: the {network} becomes unstable; lower --{option}."
            )
    return found


def _psnr(series: Series, penalty: str) -> list[str]:
    scores = series("validation/psnr_y")
    if not scores or scores[0] - scores[-1] <= MAX_PSNR_LOSS:
        return []
    return [
        f"PSNR-Y {scores[-1]:.2f} dB, {scores[0] - scores[-1]:.2f} dB below the first validation: "
        "the critic outweighs the pixel loss; lower --adversarial-ratio."
    ]


def _summary(series: Series) -> str:
    estimates = series("health/critic_estimate")
    if not estimates:
        return ""
    return f": critic estimate {max(estimates):.3g} at its highest, {_recent(estimates):.3g} now"
