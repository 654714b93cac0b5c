"""Feature network and face detector of a run, loaded according to its options."""

from pathlib import Path

from srgan_gp.data.face_preparation.face_detection import installed_detector, require_detector
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import FEATURE_NETWORKS, Features
from srgan_gp.metrics.aligned_face_distances import YunetMaps
from srgan_gp.models.cards import FACES
from srgan_gp.training.options.config import TrainConfig

PROJECTED = "projected_critic"
"""The critic that scores maps of the feature network."""
NO_NETWORK = "none"
"""Value of `feature_weights` and `face_detector` that disables the network."""


def load_features(config: TrainConfig) -> Features | None:
    """Load the network that a run compares images with, on the CPU.

    A run of photos needs it for its perceptual loss, or for the squeeze distance if that chooses
    the best checkpoint. A run of faces, which has no content loss, is scored with SqueezeNet if the
    options name its weights or a perceptual loss; the critic `projected_critic` requires it.

    Args:
        config: of the run.

    Returns:
        The network; None if the options do not use one.

    Raises:
        UsageError: its weights are disabled or cannot be loaded.
    """
    name, is_of_faces = config.perceptual_loss, config.task == FACES
    is_critics = config.has_critic and config.critic == PROJECTED
    is_named = is_of_faces and config.feature_weights not in (None, NO_NETWORK)
    scores = config.best_by == "squeeze_distance"
    if name == "none" and not (is_named or is_critics or scores):
        return None
    name = "squeeze" if is_of_faces or is_critics or scores else name
    if config.feature_weights == NO_NETWORK:
        raise UsageError(
            f"This run compares images with {FEATURE_NETWORKS[name].title} and requires its "
            "weights; pass --feature-weights FILE."
        )
    return Features.load(name, Path(config.feature_weights) if config.feature_weights else None)


def load_yunet(config: TrainConfig) -> YunetMaps | None:
    """Load the face detector that a run of faces is scored with.

    Args:
        config: of the run.

    Returns:
        The backbone maps; None if the options disable it, or if they name no file and there is none
        in the folders of models.

    Raises:
        ModelRefusedError: the file that the options name is missing, or a file cannot be used.
    """
    if config.face_detector == NO_NETWORK:
        return None
    name = config.face_detector
    file = installed_detector() if name is None else require_detector(name)
    return YunetMaps.load(file) if file else None
