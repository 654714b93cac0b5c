"""Warning about distances to few validation faces: printed beside them, and stored with them."""

from typing import Any

from srgan_gp.metrics.torchmetrics_scores import CLASSES

FEW_FACES = 400
"""Number of validation faces below which distances are much larger than those on model cards: of
version 5 of `faces-64`, FD-yunet is about 350 with 30 faces and 220 with 100; its card has 109 with
788. A lower limit would miss misleading distances; a higher one would warn of sets that are large
enough."""
UNRELIABLE = ("fd_yunet", "fd_hog", "fd_pca", "fd_squeeze", "swd")
"""Scores of a set, by the field of `SetScores`, that few validation faces make large. Kernel
distances are not among them: they are unbiased."""
UNRELIABLE_CLASSES = (CLASSES["fid"],)
"""Scores of torchmetrics that few validation faces make large, by the class in torchmetrics."""
MARK = "*"
"""Follows the values of these scores in a text, and precedes the warning."""


def few_faces_warning(count: int) -> str:
    """Return a warning about `count` validation faces; "" if there are `FEW_FACES` or more."""
    if count >= FEW_FACES:
        return ""
    return (
        f"warning: {count} validation faces are few. So few faces, or faces that are cropped "
        "differently from the training faces, make the distances large: do not compare them with "
        "those of the model card, only with those of models on the same faces, with the same "
        "number of generated faces."
    )


def add_unreliable(entries: dict[str, Any]) -> None:
    """Add the key `unreliable`, the measured scores in `UNRELIABLE`, to model and baselines.

    The validation faces get no such key: they have no distance to themselves.

    Args:
        entries: fields of `face_scores.FaceScores`, by name, as dictionaries.
    """
    for values in (entries["model"], *entries["baselines"]):
        values["unreliable"] = [key for key in UNRELIABLE if values[key] is not None]
    if found := entries["torchmetrics"]:
        found["unreliable"] = [name for name in UNRELIABLE_CLASSES if name in found["values"]]
