"""Feature network and face detector of a run, loaded according to its options."""

from pathlib import Path

from srgan_gp.detection.face_detection import require_detector
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import FEATURE_NETWORKS, Features
from srgan_gp.metrics.aligned_face_distances import YunetFeatures
from srgan_gp.models.cards import FACES
from srgan_gp.models.helper_networks import FACE_DETECTOR
from srgan_gp.training.options.config import TrainConfig

PROJECTED_CRITIC = "projected_critic"
"""Architecture of the critic that scores feature maps of SqueezeNet 1.1."""
_SQUEEZE_SCORES = ("squeeze_distance", "kid_squeeze")
NO_NETWORK = "none"
"""Value of `perceptual_loss`, `feature_weights` and `face_detector` that disables the network."""


def load_features(config: TrainConfig) -> Features | None:
    """Load the feature network of a run, on the CPU.

    - With the critic `projected_critic`: SqueezeNet, for the critic.
    - Super-resolution with a perceptual loss: the network of that loss.
    - With the squeeze distance or KID-squeeze as the score `best_by`: SqueezeNet.
    - Face generation with a perceptual loss or with a file of weights: SqueezeNet, for the
      validation scores. There is no content loss.
    - Otherwise: none.

    Args:
        config: options of the run.

    Returns:
        The network; None if the options do not use one.

    Raises:
        UsageError: `perceptual_loss` names another network than the critic's, or the weights are
            disabled or cannot be loaded.
    """
    name, is_of_faces = config.perceptual_loss, config.task == FACES
    has_projected_critic = config.has_critic and config.critic == PROJECTED_CRITIC
    if has_projected_critic and name not in (NO_NETWORK, "squeeze"):
        raise UsageError(
            f"The critic {PROJECTED_CRITIC} uses SqueezeNet and cannot be combined with "
            f"perceptual_loss {name}; choose squeeze or {NO_NETWORK}."
        )
    needs_squeeze = has_projected_critic or config.best_by in _SQUEEZE_SCORES
    has_file = config.feature_weights not in (None, NO_NETWORK)
    if name == NO_NETWORK and not (needs_squeeze or (is_of_faces and has_file)):
        return None
    if is_of_faces or needs_squeeze:  # `tasks.SuperResolution` refuses another loss
        name = "squeeze"
    if config.feature_weights == NO_NETWORK:
        raise UsageError(
            f"This run compares images with {FEATURE_NETWORKS[name].title} and requires its "
            "weights; pass --feature-weights FILE."
        )
    return Features.load(name, Path(config.feature_weights) if config.feature_weights else None)


def load_yunet(config: TrainConfig) -> YunetFeatures | None:
    """Load the backbone of the face detector, for the score FD-yunet of a run of faces.

    Args:
        config: options of the run.

    Returns:
        The features; None if `face_detector` is "none", or if it is not set and the model folders
        have none.

    Raises:
        UsageError: the file of `face_detector` is missing.
        ModelRefusedError: a file cannot be used.
    """
    if config.face_detector == NO_NETWORK:
        return None
    name = config.face_detector
    file = FACE_DETECTOR.installed() if name is None else require_detector(name)
    return YunetFeatures.load(file) if file else None
