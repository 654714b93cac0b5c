"""The feature networks of a run: which ones its options ask for, if any."""

from pathlib import Path

from srgan_gp.cards import FACES
from srgan_gp.data.face_detection import installed_detector, require_detector
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import FEATURE_NETWORKS, Features
from srgan_gp.training.aligned_face_distances import YunetMaps
from srgan_gp.training.config import TrainConfig

PROJECTED = "projected_critic"
"""The critic that scores maps of the feature network."""
LEFT_OUT = "none"
"""In place of the file of its weights: there is no feature network."""


def load_features(config: TrainConfig) -> Features | None:
    """Load the network that a run compares pictures with, on the CPU.

    A run of faces, whose losses compare nothing, is scored with SqueezeNet where the options name
    its weights or ask for a perceptual loss, and needs it for the critic `projected_critic`.

    Args:
        config: of the run.

    Returns:
        The network; None: the options ask for none.

    Raises:
        UsageError: its weights are left out or cannot be loaded.
    """
    name, is_of_faces = config.perceptual_loss, config.task == FACES
    is_critics = config.has_critic and config.critic == PROJECTED
    is_named = is_of_faces and config.feature_weights not in (None, LEFT_OUT)
    if name == "none" and not (is_named or is_critics):
        return None
    name = "squeeze" if is_of_faces or is_critics else name
    if config.feature_weights == LEFT_OUT:
        raise UsageError(
            f"This run compares pictures with {FEATURE_NETWORKS[name].title} and cannot go without "
            "its weights; pass --feature-weights FILE."
        )
    return Features.load(name, Path(config.feature_weights) if config.feature_weights else None)


def load_yunet(config: TrainConfig) -> YunetMaps | None:
    """Load the face detector that a run of faces is scored with.

    Args:
        config: of the run.

    Returns:
        The backbone maps; None: the options ask for none, or they name no file and there is none in
        the folders of models.

    Raises:
        ModelRefusedError: the file that the options name is missing, or a file cannot be used.
    """
    if config.face_detector == LEFT_OUT:
        return None
    asked_for = config.face_detector
    file = installed_detector() if asked_for is None else require_detector(asked_for)
    return YunetMaps.load(file) if file else None
