"""Verdict of a fine-tuning: table of scores before and after, and whether the model is better.

`finetune` calls `judge` with the scores of `finetune_scores`; `srgan-gp finetune` prints `table`.
`Measured` is a dict of score arrays by (metric, downscaler), with one value per image; pattern and
grain, the texture added to flat areas, have a single value. The downscaler made the LR images; for
faces it is "", and there is one value per set of generated faces. A gain is the change of a score,
positive where the new value is better. The deciding score is `TrainConfig.best_by`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srgan_gp.finetuning.finetune_scores import OF_ORIGINALS, Measured
from srgan_gp.metrics.score_directions import BETTER
from srgan_gp.models.cards import FACES
from srgan_gp.training.early_stopping import LOWER_IS_BETTER
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.task_options import PROJECTED_CRITIC

T_VALUES = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.2, 2.1, 2.0)
"""Number of standard errors that the mean of 2, 3, ..., 12 gains must exceed; the last number is
for 13 gains or more.

They are quantiles of Student's t, two-sided at 95 %, because the scatter is estimated from the same
few values. The last three are rounded down: the exact ones are 2.23 for 11 gains and 2.20 for 12,
where 2.1 is 94 %. From 13 gains on (2.18) one number is used: 2.0 is 93 % for 13 and 95 % for 61.
"""
MAX_COLOUR_DRIFT = 2.0
"""Levels of 255 by which the mean colour shift may grow. With less, models whose colours change
invisibly would be refused; with more, a tint in even areas could become visible."""
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
"""Titles of the scores in the table, by name; levels are those of 8-bit images."""


@dataclass(frozen=True)
class Row:
    """One line of the table: mean of a metric over the validation images.

    Attributes:
        metric: name of the score, a key of `TITLES`.
        downscaler: name of the downscaler of the LR images; "" for faces.
        before: mean of the unchanged model.
        after: mean of the fine-tuned model.
        originals: value of the validation images themselves, for pattern and grain; None: the score
            has none.
        spread: of faces, the standard deviation of the score over the sets of generated faces of
            the fine-tuned model; None: the score is not of such sets.
    """

    metric: str
    downscaler: str
    before: float
    after: float
    originals: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether the fine-tuned model is better on the validation images.

    Attributes:
        is_better: whether the fine-tuned model is better.
        reasons: sentences without a full stop, at least one.
        rows: the table of scores.
    """

    is_better: bool
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]


def judge(before: Measured, after: Measured, config: TrainConfig, noise: float = 0.0) -> Verdict:
    """Compare the scores of the unchanged and the fine-tuned model.

    The fine-tuned model is better if the mean gain of the deciding score is larger than chance
    explains, and PSNR-Y, colours and novelty stay within their limits. Chance is the larger of two
    standard errors of the mean gain: that from the scatter of the gains over the images, and
    `noise`. Pattern and grain have no influence. The deciding score also chose the checkpoint on
    the same images, so its gain is slightly optimistic.

    Args:
        before: scores of the unchanged model.
        after: scores of the fine-tuned model, on the same images in the same order, and so under
            the same keys.
        config: options of the run: the deciding score, and the limits `most_psnr_loss` and
            `least_novelty`.
        noise: standard error of the mean change of the deciding score by the position of the crops
            alone, from `finetune_scores.score_noise`.
    """
    rows = _rows(before, after)
    gains = _gains(before, after, config.best_by)
    count = len(gains)
    if count < 2:
        reason = f"{count} values of the {TITLES[config.best_by]} are too few"
        return Verdict(is_better=False, reasons=(reason,), rows=rows)
    t_value = T_VALUES[min(count - 2, len(T_VALUES) - 1)]
    standard_error = max(gains.std(ddof=1) / math.sqrt(count), noise)
    least_gain = t_value * standard_error
    change = _describe_change(rows, config)
    objections = _describe_broken_limits(rows, config)
    if gains.mean() <= 0:
        objections.insert(0, f"{change}, which is not a gain")
    elif gains.mean() <= least_gain:
        objections.insert(
            0,
            f"{change}, which may be chance: with {count} values a gain below {least_gain:.2g} "
            "is not reliable",
        )
    if objections:
        return Verdict(is_better=False, reasons=tuple(objections), rows=rows)
    gaining = int((gains > 0).sum())
    reason = f"{change}, with a gain on {gaining} of {count}"
    return Verdict(is_better=True, reasons=(reason,), rows=rows)


def table(rows: Sequence[Row]) -> list[str]:
    """Format the rows as lines of text, in aligned columns below a line of headings.

    The last column has the values of the originals or, of faces, the spread. It is omitted if no
    row has such a value.
    """
    last = "originals" if all(row.spread is None for row in rows) else "spread"
    lines = [("validation images", "better", "before", "after", "change", last)]
    for row in rows:
        name = TITLES.get(row.metric, row.metric)
        if row.downscaler:
            name += f" ({row.downscaler})"
        better = BETTER.get(row.metric, "-")
        change = _percent(row.before, row.after)
        value = row.originals if last == "originals" else row.spread
        text = "" if value is None else f"{value:.4g}"
        lines.append((name, better, f"{row.before:.4g}", f"{row.after:.4g}", change, text))
    if not any(text for *_, text in lines[1:]):
        lines = [(*line[:-1], "") for line in lines]
    name_width = max(len(name) for name, *_ in lines)
    better_width = max(len(better) for _, better, *_ in lines)
    return [
        f"{name:<{name_width}}  {better:<{better_width}}  {before:>9}  {after:>9}  {change:>8}"
        f"  {text:>9}".rstrip()
        for name, better, before, after, change, text in lines
    ]


def _rows(before: Measured, after: Measured) -> tuple[Row, ...]:
    """Return the rows of the table.

    Values of the originals have no rows of their own. `OF_ORIGINALS` maps the name of a score to
    that of the originals' values.
    """
    rows: list[Row] = []
    for metric, downscaler in before:
        if metric in OF_ORIGINALS.values():
            continue
        original_values = before.get((OF_ORIGINALS.get(metric, ""), downscaler))
        originals = None if original_values is None else _mean(original_values)
        mean_before, found = _mean(before[metric, downscaler]), after[metric, downscaler]
        is_of_sets = not downscaler and len(found) > 1
        has_spread = is_of_sets and np.isfinite(found).all()  # not if a set lacks the score
        spread = float(found.std(ddof=1)) if has_spread else None
        rows.append(Row(metric, downscaler, mean_before, _mean(found), originals, spread))
    return tuple(rows)


def _mean(values: np.ndarray) -> float:
    """Return the mean of the scores; those of images that are too small are NaN and left out."""
    return float(np.nanmean(values))


def _gains(before: Measured, after: Measured, metric: str) -> np.ndarray:
    """Return the gain of each image, (N,), averaged over the downscalers.

    Images without the score are omitted. A face generator is scored on several sets of random
    latents instead of images; N is then the number of sets.
    """
    sign = -1 if metric in LOWER_IS_BETTER else 1
    by_downscaler = [sign * (after[key] - before[key]) for key in before if key[0] == metric]
    if not by_downscaler:
        return np.empty(0)
    gains = np.mean(by_downscaler, axis=0)
    return gains[np.isfinite(gains)]


def _describe_change(rows: Sequence[Row], config: TrainConfig) -> str:
    """Describe the change of the mean of the deciding score, over the rows of all downscalers."""
    metric = config.best_by
    found = [row for row in rows if row.metric == metric]
    before = float(np.mean([row.before for row in found]))
    after = float(np.mean([row.after for row in found]))
    better = f"{BETTER[metric]} is better"
    if len(found) > 1:
        better += f"; mean of {len(found)} rows"
    if "squeeze" in metric and _trains_on_squeeze_features(config):
        better += "; its features were also trained on"
    percent = _percent(before, after)
    return f"the {TITLES[metric]} ({better}) went from {before:.4g} to {after:.4g} ({percent})"


def _trains_on_squeeze_features(config: TrainConfig) -> bool:
    """Return whether features of SqueezeNet are in a loss or in the critic of a run."""
    if config.task == FACES:  # the option `perceptual_loss` only loads the network for the scores
        return config.critic == PROJECTED_CRITIC
    return config.perceptual_loss == "squeeze" and config.perceptual_weight > 0


def _describe_broken_limits(rows: Sequence[Row], config: TrainConfig) -> list[str]:
    """Describe the scores that became worse than the limits of the run allow."""
    most_psnr_loss = math.inf if config.most_psnr_loss is None else config.most_psnr_loss
    least_novelty = 0.0 if config.least_novelty is None else config.least_novelty
    broken = []
    for row in rows:
        values = f"{row.after:.4g} after {row.before:.4g}"
        if row.downscaler:
            values += f" ({row.downscaler})"
        if row.metric == "psnr_y" and row.before - row.after > most_psnr_loss:
            broken.append(f"PSNR-Y fell too far: {values}")
        if row.metric == "colour_shift" and row.after - row.before > MAX_COLOUR_DRIFT:
            broken.append(f"the colours drifted, in levels: {values}")
        if row.metric == "novelty" and row.after < least_novelty:
            broken.append(f"it repeats its training images: novelty {values}")
    return broken


def _percent(before: float, after: float) -> str:
    """Format the relative change, such as "+1.5 %"; "-" where it has no meaning."""
    if not before or not math.isfinite(before) or not math.isfinite(after):
        return "-"
    return f"{100 * (after - before) / abs(before):+.1f} %"
