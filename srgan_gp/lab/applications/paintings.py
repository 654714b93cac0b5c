"""Paintings: `face_resnet` with WGAN-GP on windows of a few hundred paintings.

A run of `srgan-gp train` without a new task: windows of paintings are square images like aligned
faces. The windows of one painting overlap, so that training and validation images are of different
paintings. With so few paintings the generator can memorise them: the novelty says whether it did.

Source:
    Jiang et al. 2019, arXiv:1903.06259: gradient penalty and spectral norm on paintings.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from srgan_gp.data.image_sources import ImageFile, list_all_images, write_list
from srgan_gp.errors import UsageError
from srgan_gp.training.critic.diagnosis import diagnose_run
from srgan_gp.training.loop import train
from srgan_gp.training.options.config import TrainConfig

CONFIG = TrainConfig(
    task="face-generation", generator="face_resnet", generator_args=("width=24",),
    critic="face_critic", critic_width=16, image_size=64, batch_size=32, adversarial_ratio=100.0,
    ratio_ramp_images=0, critic_warmup_images=0, critic_steps=2, learning_rate=5e-4,
    warmup_images=0, adam_beta1=0.0, adam_beta2=0.9, critic_learning_rate=5e-4,
    ema_half_life_images=5_000, augment="colour,translation,cutout", augment_probability=0.3,
    precision="fp32", threads=1, total_images=200_000, report_images=3_200,
    validate_images=25_600, checkpoint_images=25_600,
)  # fmt: skip
VALIDATION_PAINTINGS = 25
MEMORISED = 0.8
"""Novelty below which the result says that the generator memorises."""


def split(files: Sequence[ImageFile], held: int) -> tuple[list[ImageFile], list[ImageFile]]:
    """Split windows by painting; a name is that of the painting, "_" and a number.

    Args:
        files: windows.
        held: number of paintings for validation, spread evenly over the sorted names.

    Returns:
        Training and validation windows.

    Raises:
        UsageError: there are too few paintings.
    """
    paintings = sorted({_painting(file) for file in files})
    if len(paintings) <= held:
        raise UsageError(f"{len(paintings)} paintings are too few; more than {held} are needed.")
    every = len(paintings) // held
    chosen = set(paintings[::every][:held])
    return (
        [file for file in files if _painting(file) not in chosen],
        [file for file in files if _painting(file) in chosen],
    )


def run(
    steps: int = 0,
    data: Sequence[str] = (),
    config: TrainConfig = CONFIG,
    run_dir: Path | None = None,
    held: int = VALIDATION_PAINTINGS,
) -> str:
    """Train on paintings; return scores, novelty and diagnosis.

    Args:
        steps: steps of the critic; 0: those of `config`.
        data: folder or zip file of windows, and optionally the file of the feature network.
        config: options of the run.
        run_dir: folder of the run, which has previews; None: a temporary one.
        held: number of paintings for validation.

    Raises:
        UsageError: `data` is empty, or has too few paintings.
    """
    if not data:
        raise UsageError("Pass --data paintings.zip.")
    if steps:
        config = replace(config, total_images=steps * config.batch_size)
    if len(data) > 1:
        config = replace(config, feature_weights=str(data[1]))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        training, validation = split(list_all_images(data[:1]), held)
        write_list(training, folder / "training.list")
        write_list(validation, folder / "validation.list")
        run_dir = train(
            config,
            [str(folder / "training.list")],
            run_dir or folder / "run",
            validation=str(folder / "validation.list"),
        )
        lines = [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]
        problems = diagnose_run(run_dir)
    scores = [line for line in lines if "validation/novelty" in line]
    names = [name for name in scores[-1] if name.startswith("validation/")]
    novelty = scores[-1]["validation/novelty"]
    verdict = "The generator memorises its paintings." if novelty < MEMORISED else ""
    return "\n".join(
        [
            f"{len(training)} windows of {len({_painting(f) for f in training})} paintings, "
            f"{config.total_images} images seen; validated on {held} other paintings. {verdict}",
            "",
            f"| images seen | {' | '.join(n.removeprefix('validation/') for n in names)} |",
            f"|---{'|---' * len(names)}|",
            *(
                f"| {line['images_seen']} | {' | '.join(f'{line[n]:.3f}' for n in names)} |"
                for line in scores
            ),
            "",
            f"Diagnosis: {' '.join(problems)}",
        ]
    )


def _painting(file: ImageFile) -> str:
    """Name of the painting that a window is cut from."""
    return re.sub(r"_\d+$", "", file.stem)
