"""Paintings: WGAN-GP on square windows of 225 paintings, with a test for memorisation.

The windows of a tenth of the paintings are kept for validation. Real and generated windows are
augmented alike. Generated windows are compared with the validation windows by the sliced
Wasserstein distance, and with the training windows for memorisation.

Source:
    SN-GANs and GANs with gradient penalty on paintings: arXiv:1903.06259, from the abstract. The
    windows are those of `paintings64_train.zip`: paintings in the public domain.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.augmentations import augment, draw_augmentations
from srgan_gp.data.image_sources import ImageFile, list_images
from srgan_gp.images.image_grid import join_in_grid
from srgan_gp.lab.application_images import (
    Pixels,
    as_pixels,
    as_tensor,
    choose,
    require_data,
    set_rate,
    take_step,
)
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.metrics.memorisation import ALARM, describe_layouts, memorisation_ratio
from srgan_gp.metrics.sliced_wasserstein import pyramid_distance
from srgan_gp.networks import build
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.options.optimizers import build_optimizer

SHEET = "gradient-penalty-lab-paintings.png"
"""Name of the file with the sheet, a grid of generated windows."""
SHEET_SIDE = 8
"""Images in a row and in a column of the sheet; texts in `run` name the product, 64."""
ENLARGEMENT = 2
"""Factor by which the sheet is enlarged."""
COMPARED = 200
"""Largest number of images of a set that distances are computed from; the validation set has about
as many. Fewer give noisier distances, more take longer."""
AUGMENTATIONS = ("colour", "translation")
"""Kinds of augmentation that are used; `data.augmentations.KINDS` lists all."""
# Text below the sheet; it was written for a run with the default number of steps.
OBSERVED = """Seen in the sheet: the palette of oil paintings, light and dark areas, soft outlines;
no recognisable subject. A run of this length learns colours and contrasts, not things."""


@dataclass(frozen=True)
class PaintingsConfig:
    """Options of one run.

    The defaults are this project's, for a short run on a CPU; only the penalty's weight is that of
    WGAN-GP (Gulrajani et al. 2017).

    Attributes:
        size: side of the images in pixels, a power of two from 8 up.
        width: channels of both networks at full size.
        latent_size: length of a latent.
        steps: steps of each network.
        batch_size: windows of a step.
        penalty_weight: weight of the gradient penalty, lambda. The penalty is computed for every
            second window of a batch only, which saves time.
        augmentation: probability of each augmentation for each window. A higher one makes it harder
            for the critic to memorise windows, and shows it fewer unchanged ones.
        learning_rate: highest rate of both networks; it falls linearly to 0.
        decay: decay per step of the moving average of the generator's weights, which spans about
            1 / (1 - decay) steps.
        seed: seed of weights and draws.
    """

    size: int = 32
    width: int = 16
    latent_size: int = 64
    steps: int = 700
    batch_size: int = 16
    penalty_weight: float = 10.0
    augmentation: float = 0.3
    learning_rate: float = 1e-3
    decay: float = 0.99
    seed: int = 0


def split(files: Sequence[ImageFile]) -> tuple[list[ImageFile], list[ImageFile]]:
    """Split windows by painting: all windows of every tenth painting are for validation.

    The name of a window's file is PAINTING_NUMBER, such as `sunflowers_3.jpg`.

    Returns:
        Training and validation windows.
    """
    paintings = sorted({_painting_of(file) for file in files})
    validation_paintings = set(paintings[::10])
    train_files = [file for file in files if _painting_of(file) not in validation_paintings]
    validation_files = [file for file in files if _painting_of(file) in validation_paintings]
    return train_files, validation_files


def _painting_of(file: ImageFile) -> str:
    """Return the name of the painting that a window was cut from."""
    return file.stem.rpartition("_")[0]


def train(config: PaintingsConfig, windows: Tensor) -> nn.Module:
    """Train a generator of windows; return the moving average of its weights.

    Each step trains the critic, then the generator on the same generated windows. The betas of Adam
    are those of WGAN-GP.

    Args:
        config: options.
        windows: training windows, (N, 3, size, size), in [0, 1].
    """
    torch.manual_seed(config.seed)
    generator = build(
        "generators", "face_resnet", size=config.size, latent_size=config.latent_size,
        width=config.width,
    )  # fmt: skip
    critic = build("critics", "face_critic", size=config.size, width=config.width)
    average = MovingAverage(generator, config.decay)
    rate = config.learning_rate
    generator_optimizer = build_optimizer("adam", generator, rate, beta1=0.0, beta2=0.9)
    critic_optimizer = build_optimizer("adam", critic, rate, beta1=0.0, beta2=0.9)
    for step in range(config.steps):
        for optimizer in (generator_optimizer, critic_optimizer):
            set_rate(optimizer, rate * (1 - step / config.steps))
        fake = generator(torch.randn(config.batch_size, config.latent_size))
        real = windows[torch.randint(len(windows), (config.batch_size,))]
        # Mirrored windows count as further training windows; they are not an augmentation.
        is_mirrored = torch.rand(config.batch_size, 1, 1, 1) < 0.5
        real = torch.where(is_mirrored, real.flip(3), real)
        real = _augmented(real, config, step, substream=0)
        fake = _augmented(fake, config, step, substream=1)
        loss = _critic_loss(critic, real, fake.detach(), config.penalty_weight)
        take_step(critic, critic_optimizer, loss)
        with frozen(critic):
            take_step(generator, generator_optimizer, -critic(fake).mean())
        average.update(generator, step + 1)
    return average.average


@torch.no_grad()
def sample(generator: nn.Module, latent_size: int, count: int, seed: int = 0) -> Pixels:
    """Generate windows: (count, size, size, 3), uint8 RGB."""
    random = torch.Generator().manual_seed(seed)
    return as_pixels(generator(torch.randn(count, latent_size, generator=random)))


def _augmented(images: Tensor, config: PaintingsConfig, step: int, substream: int) -> Tensor:
    """Augment the batch of a step; another substream gives independent augmentations."""
    # Numbers of the images since the start of the run: each image has its own augmentation.
    numbers = range(step * len(images), (step + 1) * len(images))
    draws = draw_augmentations(config.seed, numbers, AUGMENTATIONS, config.augmentation, substream)
    return augment(images, draws)


def _critic_loss(critic: nn.Module, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """Return the loss of WGAN-GP: generated scores minus real ones, plus the weighted penalty."""
    # Positions between a real and a generated window at which the penalty takes the gradient.
    epsilon = torch.rand(len(real[::2]), 1, 1, 1)
    penalty = PENALTIES["wgan_gp"](critic, real[::2], fake[::2], epsilon)
    return critic(fake).mean() - critic(real).mean() + weight * penalty.value


def run(
    steps: int = PaintingsConfig.steps, data: Sequence[str | Path] = (), folder: Path | None = None
) -> str:
    """Train, and write a sheet of 8 x 8 generated windows.

    Args:
        steps: steps of each network.
        data: one path: the zip file or folder of windows.
        folder: gets the sheet; None: it is not written.

    Returns:
        Markdown: a table of distances, the memorisation ratio, and the sheet.

    Raises:
        UsageError: `data` is not one path.
    """
    (place,) = require_data(data, ["the windows of paintings"])
    config = PaintingsConfig(steps=steps)
    train_files, validation_files = split(list_images(place))
    # `read_faces` reads any square images; `choose` draws files at random.
    windows = read_faces(train_files, config.size)
    validation = read_faces(choose(validation_files, COMPARED), config.size)
    after_first_step = train(PaintingsConfig(steps=1), as_tensor(windows))
    after_last_step = train(config, as_tensor(windows))
    last = sample(after_last_step, config.latent_size, COMPARED)
    # Windows at equal intervals: they are sorted by painting, and all paintings shall be compared.
    interval = max(len(windows) // COMPARED, 1)
    sets = {
        "generated, first step": sample(after_first_step, config.latent_size, COMPARED),
        "generated, last step": last,
        "real, of the training paintings": windows[::interval][:COMPARED],
    }
    distances: dict[str, dict[int, float]] = {}  # by set, then by side of the level in pixels
    for name, images in sets.items():
        count = min(len(images), len(validation))
        distances[name] = pyramid_distance(images[:count], validation[:count])
    # Layouts are copies of 8 x 8 pixels. The ratio is low if those of the generated windows are
    # nearer to those of the training windows than to those of the validation windows.
    ratio = memorisation_ratio(
        describe_layouts(last), describe_layouts(windows), describe_layouts(validation)
    )
    judgement = "memorised" if ratio < ALARM else "not memorised"
    lines = [
        f"{len(train_files)} windows for training and {len(validation_files)} of other paintings "
        f"for validation, downscaled to {config.size} pixels; {steps} steps of {config.batch_size} "
        "windows, one seed. Sliced Wasserstein distance to the validation windows, by the side of "
        "the level of the pyramid, in thousandths of the deviation of the validation windows:",
        "",
        "| windows | " + " | ".join(map(str, distances["generated, last step"])) + " |",
        "|---|---|---|",  # the name, and the two levels of a pyramid of 32 pixels
    ]
    for name, by_side in distances.items():
        lines.append(f"| {name} | " + " | ".join(f"{d:.0f}" for d in by_side.values()) + " |")
    lines += ["", f"Memorisation ratio {ratio:.2f}: {judgement} (memorised: below {ALARM})."]
    if folder:
        atomic_write_bytes(folder / SHEET, _sheet(last))
        lines += ["", f"![64 generated windows, none selected]({SHEET})", "", "64 generated "
                  f"windows, none selected, enlarged {ENLARGEMENT} times."]  # fmt: skip
        if steps == PaintingsConfig.steps:
            lines += ["", OBSERVED]
    return "\n".join(lines)


def _sheet(images: Pixels) -> bytes:
    """Lay out the first 64 images in a grid, enlarged by pixel repetition, as a PNG file."""
    sheet = join_in_grid(images[: SHEET_SIDE**2], SHEET_SIDE, SHEET_SIDE)
    side = ENLARGEMENT * sheet.shape[0]
    buffer = io.BytesIO()
    Image.fromarray(sheet).resize((side, side), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
