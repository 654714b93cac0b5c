"""Names of prepared faces in the zip file, which also say whether a face is for validation.

Photos that share a scene or a face are a group (`PhotoRecord.group`). All faces of a group are for
training, or all for validation.
"""

from collections import Counter
from collections.abc import Sequence

from srgan_gp.data.face_preparation.face_archive import choose_validation_groups
from srgan_gp.data.face_preparation.preparation_report import PhotoRecord
from srgan_gp.data.validation_split import TRAIN, VALIDATION


def divide_and_name(
    photos: Sequence[PhotoRecord], share: float, seed: int, minimum: int
) -> dict[str, int]:
    """Choose the validation groups, and set `FaceRecord.member` of each kept face.

    The member is the name of the face in the zip file, `train/NAME.png` or `val/NAME.png`. NAME has
    the number of the photo and the number of the face in the photo, both from 0.

    Args:
        photos: all photos.
        share: target share of the kept faces in the validation set, 0 to 1; 0: none is in it.
        seed: seed of the choice of the validation groups.
        minimum: smallest number of faces in the validation set, if there are enough groups.

    Returns:
        `val_target`, the wanted number of validation faces, at least `minimum`; and
        `val_largest_group`, the number of faces of the largest group in the validation set.
    """
    faces_by_group = Counter[str]()
    for photo in photos:
        if photo.kept:
            faces_by_group[photo.group] += len(photo.kept)
    validation_groups = choose_validation_groups(faces_by_group, share, seed, minimum)
    for number, photo in enumerate(photos):
        folder = VALIDATION if photo.group in validation_groups else TRAIN
        for index, face in enumerate(photo.kept):
            face.member = f"{folder}/{number:06}-{index}.png"
    largest = max((faces_by_group[group] for group in validation_groups), default=0)
    target = max(round(share * faces_by_group.total()), minimum)
    return {"val_target": target, "val_largest_group": largest}
