"""Checks of the lengths of a run: phases of the patch size, and the generator's first step.

`config.TrainConfig` calls them. In each phase of a run the LR patches have another size.
"""

from srgan_gp.errors import UsageError


def require_patch_starts(starts: tuple[float, ...], sizes: tuple[int, ...]) -> None:
    """Check that the phases begin at 0, in rising order, and that each has a size.

    Args:
        starts: start of each phase, as a share of the run in [0, 1].
        sizes: sides of the LR patches of each phase, in pixels.

    Raises:
        UsageError: the phases do not begin so, or a phase has no size.
    """
    is_rising = starts[:1] == (0,) and list(starts) == sorted(starts)
    if len(starts) != len(sizes) or not is_rising:
        raise UsageError(
            f"patch_starts {starts} must rise from 0 and have one value for each of patch_sizes "
            f"{sizes}."
        )


def require_generator_step(total: int, warmup: int, critic_steps: int, batch_size: int) -> None:
    """Check that a run with a critic is long enough for one step of the generator.

    Args:
        total: images of the run.
        warmup: images for which only the critic is trained.
        critic_steps: steps of the critic per step of the generator.
        batch_size: images in a step.

    Raises:
        UsageError: the run is shorter.
    """
    shortest = warmup + critic_steps * batch_size
    if total < shortest:
        raise UsageError(
            f"A run of total_images {total} ends before the generator's first step; with a critic "
            f"choose at least {shortest}: critic_warmup_images {warmup} + critic_steps "
            f"{critic_steps} * batch_size {batch_size}."
        )
