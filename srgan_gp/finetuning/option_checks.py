"""Check of the options of a fine-tuning that needs no image, before any image is opened.

`finetune.finetune` calls `require_usable_options`. The training makes the same checks again, but
only after the images are read and the model is scored.
"""

from srgan_gp.finetuning.finetune_source import Source
from srgan_gp.models.cards import FACES
from srgan_gp.training.critic.adaptive_augmentation import require_augmentations
from srgan_gp.training.critic.critic_freezing import freeze_first_stages
from srgan_gp.training.device import choose_device
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.pretrained_networks import load_features, load_yunet
from srgan_gp.training.start_weights import load_critic
from srgan_gp.training.tasks.architecture import build_critic
from srgan_gp.training.tasks.face_generation import require_critic
from srgan_gp.training.tasks.super_resolution import require_losses


def require_usable_options(config: TrainConfig, source: Source) -> None:
    """Check that a run can start with these options, as far as no image is needed for it.

    Args:
        config: planned options; images that turn out to be damaged may still change the plan.
        source: the model to start from.

    Raises:
        UsageError: there is no device of that name, options contradict each other or the model's
            critic, or a file of a network is missing or cannot be loaded.
        DeviceError: the GPU does not exist.
        ModelRefusedError: the face detector cannot be used.
    """
    choose_device(config.device)
    if config.task == FACES:
        require_critic(config)
        load_yunet(config)  # the face detector, whose features score generated faces
    else:
        require_losses(config)
    load_features(config)  # may have to download a network, which can fail
    if config.has_critic:  # The critic is built only to raise the errors of these steps.
        critic = build_critic(config)
        freeze_first_stages(critic, config.freeze_critic_stages)
        load_critic(critic, source.weights)  # from the critic's file beside these, if there is one
        require_augmentations(config)
