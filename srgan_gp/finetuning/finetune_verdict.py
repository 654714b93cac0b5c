"""Verdict of a fine-tuning: table of scores before and after, and whether the model is better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srgan_gp.finetuning.finetune_scores import Measured
from srgan_gp.metrics.score_directions import BETTER
from srgan_gp.training.early_stopping import LOWER_IS_BETTER
from srgan_gp.training.options.config import TrainConfig

T_VALUES = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.2, 2.1, 2.0)
"""Standard errors that the mean gain of 2, 3, ..., 12 values must exceed; the last: of 13 or more.

They follow Student's t, two-sided at 95 %, because the scatter is estimated from the same few
values. The last two are below the exact quantiles, 2.20 for 12 values and 2.18 for 13.
"""
MAX_COLOUR_DRIFT = 2.0  # levels of 255 by which the colour shift may grow
TITLES = {
    "squeeze_distance": "squeeze distance",
    "kid_squeeze": "KID-squeeze",
    "fd_yunet": "FD-yunet",
    "fd_hog": "FD-hog",
    "fd_pca": "FD-pca",
    "border_ratio": "border ratio",
    "psnr_y": "PSNR-Y, dB",
    "pattern": "pattern, levels",
    "grain": "grain, levels",
    "patch_distance": "patch distance",
    "novelty": "novelty",
    "colour_shift": "colour shift, levels",
}


@dataclass(frozen=True)
class Row:
    """One line of the table: mean of a metric for one way of downscaling."""

    metric: str
    way: str
    before: float
    after: float


@dataclass(frozen=True)
class Verdict:
    """Whether the fine-tuned model is better on the validation images, and why."""

    is_better: bool
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]


def judge(before: Measured, after: Measured, config: TrainConfig, noise: float = 0.0) -> Verdict:
    """Compare the scores of the unchanged and the fine-tuned model.

    The fine-tuned model is better if the deciding score gained significantly, given the scatter of
    the gains per image and the noise of the score, and PSNR-Y, colours and novelty stay within the
    limits of the run. Pattern and grain are only shown. The deciding score also chose the
    checkpoint on the same images, so its gain is slightly optimistic.

    Args:
        before: scores of the unchanged model.
        after: scores of the fine-tuned model, on the same images in the same order, and so under
            the same keys.
        config: options of the run; `best_by` is the deciding score.
        noise: standard error of the mean deciding score, from `score_noise`.
    """
    rows = tuple(
        Row(*key, float(np.nanmean(before[key])), float(np.nanmean(after[key]))) for key in before
    )
    gains = _gains(before, after, config.best_by)
    count = len(gains)
    if count < 2:
        reason = f"{count} values of the {TITLES[config.best_by]} are too few"
        return Verdict(is_better=False, reasons=(reason,), rows=rows)
    t_value = T_VALUES[min(count - 2, len(T_VALUES) - 1)]
    least_gain = t_value * max(gains.std(ddof=1) / math.sqrt(count), noise)
    title = TITLES[config.best_by]
    deciding = [row for row in rows if row.metric == config.best_by]
    old, new = (
        float(np.mean([getattr(r, side) for r in deciding])) for side in ("before", "after")
    )
    better = f"{BETTER[config.best_by]} is better"
    if len(deciding) > 1:
        better += f"; mean of {len(deciding)} rows"
    moved = f"the {title} ({better}) went from {old:.4g} to {new:.4g} ({_percent(old, new)})"
    losses = _losses(rows, config)
    if gains.mean() <= 0:
        losses.insert(0, f"{moved}, which is not a gain")
    elif gains.mean() <= least_gain:
        losses.insert(
            0,
            f"{moved}, which may be chance: with {count} values a gain below {least_gain:.2g} "
            "may be",
        )
    if losses:
        return Verdict(is_better=False, reasons=tuple(losses), rows=rows)
    share = f"{int((gains > 0).sum())} of {count}"
    reason = f"{moved}, with a gain on {share}"
    return Verdict(is_better=True, reasons=(reason,), rows=rows)


def table(rows: Sequence[Row]) -> list[str]:
    """Format the rows as lines of text, in columns."""
    lines = [("validation images", "better", "before", "after", "change")]
    for row in rows:
        name = TITLES.get(row.metric, row.metric) + (f" ({row.way})" if row.way else "")
        change = _percent(row.before, row.after)
        better = BETTER.get(row.metric, "-")
        lines.append((name, better, f"{row.before:.4g}", f"{row.after:.4g}", change))
    first, second = (max(len(line[column]) for line in lines) for column in (0, 1))
    return [f"{a:<{first}}  {b:<{second}}  {c:>9}  {d:>9}  {e:>8}" for a, b, c, d, e in lines]


def _gains(before: Measured, after: Measured, metric: str) -> np.ndarray:
    """Gain of each image, averaged over the ways of downscaling: positive is better."""
    sign = -1 if metric in LOWER_IS_BETTER else 1
    gains = [sign * (after[key] - before[key]) for key in before if key[0] == metric]
    mean = np.mean(gains, axis=0) if gains else np.empty(0)
    return mean[np.isfinite(mean)]


def _losses(rows: Sequence[Row], config: TrainConfig) -> list[str]:
    """Describe the losses beyond the limits."""
    losses = []
    for row in rows:
        where = f"{row.after:.4g} after {row.before:.4g}" + (f" ({row.way})" if row.way else "")
        most_loss = math.inf if config.most_psnr_loss is None else config.most_psnr_loss
        if row.metric == "psnr_y" and row.before - row.after > most_loss:
            losses.append(f"PSNR-Y fell too far: {where}")
        if row.metric == "colour_shift" and row.after - row.before > MAX_COLOUR_DRIFT:
            losses.append(f"the colours drifted, in levels: {where}")
        least_novelty = config.least_novelty or 0  # None: no limit
        if row.metric == "novelty" and row.after < least_novelty:
            losses.append(f"it repeats its training images: novelty {where}")
    return losses


def _percent(before: float, after: float) -> str:
    if not before or not math.isfinite(before) or not math.isfinite(after):
        return "-"
    return f"{100 * (after - before) / abs(before):+.1f} %"
