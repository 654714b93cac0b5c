"""Pretrained networks of a training run, loaded as its options require.

The feature network (SqueezeNet or VGG-19) is used by perceptual losses, scores and the projected
critic. The face detector YuNet is used by FD-yunet, a distance of generated from real faces.
"""

from pathlib import Path

from srgan_gp.detection.face_detection import require_detector
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import FEATURE_NETWORKS, Features
from srgan_gp.metrics.aligned_face_distances import YunetFeatures
from srgan_gp.models.cards import FACES
from srgan_gp.models.helper_networks import FACE_DETECTOR
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.task_options import PROJECTED_CRITIC

_SQUEEZE_SCORES = ("squeeze_distance", "kid_squeeze")
"""Values of `best_by` that need SqueezeNet."""
NO_NETWORK = "none"
"""Value of `perceptual_loss`, `feature_weights` and `face_detector` that disables the network."""


def load_features(config: TrainConfig) -> Features | None:
    """Load the feature network of a run, on the CPU.

    The first case that applies decides:
    - with the critic `projected_critic`: SqueezeNet, for the critic
    - with the squeeze distance or KID-squeeze as `best_by`: SqueezeNet, for the score
    - super-resolution with a perceptual loss: the network of that loss
    - face generation with a `perceptual_loss` or `feature_weights`: SqueezeNet, for validation
      scores; a generated face has no target, and so no perceptual loss
    - otherwise: none

    Args:
        config: options of the run.

    Returns:
        The network; None if the options do not use one.

    Raises:
        UsageError: `perceptual_loss` names another network than the critic's, or the weights are
            disabled or cannot be loaded.
    """
    loss, weights = config.perceptual_loss, config.feature_weights
    is_of_faces = config.task == FACES
    has_projected_critic = config.has_critic and config.critic == PROJECTED_CRITIC
    if has_projected_critic and loss not in (NO_NETWORK, "squeeze"):
        raise UsageError(
            f"The critic {PROJECTED_CRITIC} uses SqueezeNet and cannot be combined with "
            f"perceptual_loss {loss}; choose squeeze or {NO_NETWORK}."
        )
    if has_projected_critic or config.best_by in _SQUEEZE_SCORES:
        # In super-resolution, the task has refused the squeeze distance with a loss of VGG-19.
        name = "squeeze"
    elif is_of_faces and (loss != NO_NETWORK or weights not in (None, NO_NETWORK)):
        name = "squeeze"
    elif loss != NO_NETWORK:
        name = loss
    else:
        return None
    if weights == NO_NETWORK:
        raise UsageError(
            f"This run compares images with {FEATURE_NETWORKS[name].title} and requires its "
            "weights; pass the path of its file as `feature_weights`."
        )
    return Features.load(name, Path(weights) if weights else None)


def load_yunet(config: TrainConfig) -> YunetFeatures | None:
    """Load the features of the face detector YuNet, for the score FD-yunet of a run of faces.

    Args:
        config: options of the run.

    Returns:
        The features; None if the option `face_detector` is "none", or if it is not set and YuNet is
        not installed: the score is then omitted.

    Raises:
        UsageError: the file of `face_detector` is missing.
        ModelRefusedError: the file is not a YuNet that can be used.
    """
    if config.face_detector == NO_NETWORK:
        return None
    if config.face_detector is None:
        file = FACE_DETECTOR.installed()
    else:
        file = require_detector(config.face_detector)
    return YunetFeatures.load(file, "face_detector") if file else None
