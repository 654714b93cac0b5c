"""Meaning of the numbers in `stats.jsonl` and TensorBoard.

`run_log.Reports` shows `explain_numbers` in TensorBoard. Scores (`validation/...`) are explained by
`metrics.score_directions.BETTER`, which says for each score which values are better.
"""

from srgan_gp.metrics.score_directions import BETTER

MEANINGS = {
    "images_seen": "training images so far; the horizontal axis",
    "step": "steps of the generator; 0 while only the critic is trained",
    "seconds": "duration of the run",
    "loss": "sum of the generator's losses. With a critic it says little: look at the scores",
    "loss/pixel": "pixel loss; lower is closer to the originals",
    "loss/perceptual": "weighted distance of features to the originals",
    "loss/equivariance": "weighted loss against patterns that are locked to the pixel grid",
    "loss/adversarial": "weighted loss against the critic; rises and falls",
    "learning_rate": "learning rate of the generator",
    "gradient_norm": "norm of the generator's gradient",
    "health/critic_estimate": "mean score of real minus generated images: falls in a good run",
    "health/training_estimate": "the same, on the batches of `validation_estimate` only",
    "health/validation_estimate": "the same on validation images; far below: the critic memorises",
    "health/estimate_error": "standard error of the critic's estimate on one batch",
    "health/validation_batches": "number of batches that `validation_estimate` is a mean of",
    "health/real_score": "mean score of real images; the drift term keeps it near 0",
    "health/largest_score": "largest absolute score; it should not grow without limit",
    "health/steep_share": "share of penalised samples with a gradient norm above 2; near 0",
    "health/interpolate_norm": "norm of the critic's gradient between images: near 1 for wgan_gp",
    "health/real_norm": "norm of the critic's gradient at real images",
    "health/fake_norm": "norm of the critic's gradient at generated images",
    "health/real_and_fake_norm": "norm of the critic's gradient at real and generated images",
    "health/beside_real_norm": "norm of the critic's gradient beside real images: near 1",
    "health/segment_norm": "slope of the critic between real and generated images",
    "health/adversarial_norm": "slope of the critic in the direction of its largest change",
    "health/critic_gradient_norm": "norm of the gradient of the critic's weights",
    "health/adversarial_ratio": "requested ratio of the adversarial to the pixel gradient",
    "health/gradient_ratio": "measured ratio of the adversarial to the pixel gradient",
    "health/diversity": "how much generated images differ: healthy above 0.3",
    "health/augment_probability": "probability of each augmentation of the critic's images",
    "validation/flat_windows": "number of flat windows that pattern and grain are measured in",
    "adversarial/...": "losses and gradients of the critic's image, feature and detail parts",
    "critic/...": "estimate and gradient norm of each part of the critic",
}
"""Meaning of a number by its name; `NAME/...` stands for all names that begin with `NAME/`. The
limits 2 and 0.3 are `critic_log_values.STEEP` and `diagnosis.MIN_DIVERSITY`."""


def explain_numbers() -> str:
    """Return a Markdown text that explains the numbers, the scores and the preview images."""
    lines = [
        "Look at `validation/...` first, and at the images. The columns of a preview are labelled: "
        "the input (enlarged by repeating pixels), the result before this run, the result now, and "
        "the original; for faces the same latents before and now, and real faces.",
        "",
        "| number | meaning |",
        "|---|---|",
        *(f"| `validation/{name}` | better: {way} |" for name, way in BETTER.items()),
        *(f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items()),
    ]
    return "\n".join(lines)
