"""Checks of the lengths of a run: phases of the patch size, and the generator's first step.

`config.TrainConfig` calls both checks. A phase is a part of a run with its own size of LR patches.
"""

from srgan_gp.errors import UsageError


def require_patch_starts(starts: tuple[float, ...], sizes: tuple[int, ...]) -> None:
    """Check that the starts of the phases rise from 0, and that each phase has a size.

    Args:
        starts: start of each phase, as a share of the run. Of phases with equal starts, only the
            last one is used; a phase with a start of 1 or more is never reached.
        sizes: side of the LR patches of each phase, in pixels.

    Raises:
        UsageError: the first start is not 0, a start is below the previous one, or there is not one
            size for each start.
    """
    rises_from_0 = starts[:1] == (0,) and list(starts) == sorted(starts)
    if len(starts) != len(sizes) or not rises_from_0:
        raise UsageError(
            f"patch_starts {starts} must rise from 0 and have one value for each of patch_sizes "
            f"{sizes}."
        )


def require_generator_step(total: int, warmup: int, critic_steps: int, batch_size: int) -> None:
    """Check that a run with a critic is long enough for one step of the generator.

    Args:
        total: images of the run.
        warmup: images for which only the critic is trained.
        critic_steps: steps of the critic before each step of the generator.
        batch_size: images in a step of the critic.

    Raises:
        UsageError: the run ends before that step.
    """
    shortest = warmup + critic_steps * batch_size
    if total < shortest:
        raise UsageError(
            f"A run of total_images {total} ends before the generator's first step; with a critic "
            f"choose at least {shortest}: critic_warmup_images {warmup} + critic_steps "
            f"{critic_steps} * batch_size {batch_size}."
        )
