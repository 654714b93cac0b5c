"""Create a small set of stylised faces, like paintings, to test fine-tuning of a face generator.

python scripts/stylised_faces.py faces_loose64_val.zip -o stylised.zip
srgan-gp finetune --from faces-64 --data stylised.zip
"""

import argparse
import zipfile
from pathlib import Path

import cv2
import numpy as np

from srgan_gp.data.image_sources import ImageFile, list_images
from srgan_gp.system.files import atomic_write

EARLIEST = (1980, 1, 1, 0, 0, 0)  # earliest date of a zip: a fixed one, for reproducible archives


def main() -> None:
    """Stylise faces of a set and write them to a zip file with the folders train and val."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("faces", help="folder or zip file of aligned faces")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.zip")
    parser.add_argument("--count", type=int, default=300, help="number of training faces [300]")
    parser.add_argument(
        "--validation", type=int, default=200, help="number of validation faces [200]"
    )
    options = parser.parse_args()
    files = list_images(options.faces)
    order = np.random.default_rng(0).permutation(len(files))
    images: dict[bytes, None] = {}  # an ordered set of PNG files: the input may have a photo twice
    for index in order:
        images.setdefault(stylise(files[index]))
        if len(images) == options.count + options.validation:
            break
    with atomic_write(options.output) as file, zipfile.ZipFile(file, "w") as archive:
        for number, image in enumerate(images):
            folder = "train" if number < options.count else "val"
            archive.writestr(zipfile.ZipInfo(f"{folder}/{number:04}.png", EARLIEST), image)


def stylise(face: ImageFile) -> bytes:
    """Stylise a face with `cv2.stylization`, and encode it as PNG."""
    bgr = face.read()[..., ::-1]  # as OpenCV expects
    painted = cv2.stylization(bgr, sigma_s=60, sigma_r=0.45)  # OpenCV's defaults
    return cv2.imencode(".png", painted)[1].tobytes()


if __name__ == "__main__":
    main()
