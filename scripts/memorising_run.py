"""Train a face generator on 16 faces until it memorises them, to check that the run ends early.

The option `--least-novelty` ends a run whose novelty falls below a limit. The novelty is the
distance of the generated faces to the training faces, relative to that of the validation faces:
about 1 for new faces, 0 for copies.

python scripts/memorising_run.py faces_loose64_train-0.zip faces_loose64_val.zip -o runs/memorised
"""

import argparse
import sys
from pathlib import Path

import cv2

from srgan_gp.cli import main as run_srgan_gp
from srgan_gp.data.image_sources import list_images
from srgan_gp.system.files import atomic_write_bytes

SIDE = 32  # pixels of the downscaled faces
TRAINING_FACES, VALIDATION_FACES = 16, 200
OPTIONS = (
    "--preset faces-64-cpu --generator face_resnet --critic face_critic --image-size 32 "
    "--latent-size 4 --generator-args width=16 --critic-width 16 --learning-rate 1e-3 "
    "--final-learning-rate 5e-4 --critic-learning-rate 1e-3 --critic-final-learning-rate 1e-3 "
    "--ema-half-life-images 2000 "
    "--augment none --least-novelty 0.5 --total-images 400000 --validate-images 6400 "
    "--checkpoint-images 6400 --report-images 3200"
)
"""Options of `srgan-gp train`. A small latent space, high learning rates and no augmentation make
the generator overfit."""


def main() -> int:
    """Write small copies of both sets to the output folder, train, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("faces", help="folder or zip file of aligned training faces")
    parser.add_argument("validation", help="folder or zip file of aligned validation faces")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    training, validation = options.output / "train", options.output / "val"
    write_small(options.faces, training, TRAINING_FACES)
    write_small(options.validation, validation, VALIDATION_FACES)
    paths = ["--data", str(training), "--validation", str(validation)]
    return run_srgan_gp(["train", *OPTIONS.split(), *paths, "-o", str(options.output / "run")])


def write_small(faces: str, folder: Path, count: int) -> None:
    """Write the first `count` faces of a set as PNG files, downscaled to `SIDE` pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, face in enumerate(list_images(faces)[:count]):
        pixels = face.read()[..., ::-1]  # OpenCV expects BGR
        small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        atomic_write_bytes(folder / f"{number:04}.png", cv2.imencode(".png", small)[1].tobytes())


if __name__ == "__main__":
    sys.exit(main())
