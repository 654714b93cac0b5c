"""`export`: writes the best checkpoint of a training run as ONNX model, critic weights and card."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomli_w
import torch
from torch import nn

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.exporting.critic_weights import critic_file
from srgan_gp.exporting.export_changes import Blend, blend_weights, describe_changes, smooth_faces
from srgan_gp.exporting.exported_card import applicable_entries, fill_card, read_run_card
from srgan_gp.exporting.graph_metadata import add_metadata
from srgan_gp.exporting.int8_network import int8_of_run
from srgan_gp.exporting.licence_metadata import (
    hashes_of_same_weights,
    stated_licence,
    with_licence,
)
from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.exporting.run_record import (
    describe_run,
    describe_unfinished,
    is_of_run,
    smoothing_of_start_model,
    truncation_of_start_model,
)
from srgan_gp.models.cards import FACES
from srgan_gp.models.new_names import EXIST_ERROR, check_name, require_free_name
from srgan_gp.models.written_card import read_written_card
from srgan_gp.networks import build
from srgan_gp.networks.generators import style_resnet
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import convert_write_errors
from srgan_gp.training import checkpoint
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import load_config
from srgan_gp.training.run_data import CONFIG_NAME
from srgan_gp.training.tasks import generator_arguments

_UNTRAINED = (
    "The best state of this run is that before training, after 0 images: the exported weights are "
    "those that the run started from."
)


def export(
    run_dir: Path,
    name: str,
    out_dir: Path,
    blend: Blend | None = None,
    photos: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
    *,
    smoothing: float | None = None,
    exist: str = EXIST_ERROR,
) -> Path:
    """Export the moving average of the generator's weights at the best checkpoint of a run.

    Writes `name.onnx`, `name.toml`, for an upscaler its `name.int8.onnx`, and for a run with a
    critic its weights in half precision as `name.critic.safetensors`. Fine-tuning reads the
    generator's weights from the ONNX file, whose initializers have the parameters' names. The texts
    (summary, licence, data, limits) of an existing card are kept if they can apply to the new model
    (see `applicable_entries`), its scores only if no weight changed. Files of an earlier model that
    the new one has not are removed, also the `name.safetensors` of version 0.1.

    Args:
        run_dir: folder of a training run.
        name: name of the model.
        out_dir: folder for the files.
        blend: a model to average the generator's weights with; None for none.
        photos: folders or zip files of photos on which the int8 network is calibrated; None for
            the training images of the run. If these are missing, or the network cannot be
            quantised, no int8 network is written, with a warning.
        say: called with a line about each step.
        smoothing: 0 to 0.25, share of each neighbour in a filter that smooths the faces of a
            `style_resnet`, which training does not use; 0: no filter. Other networks have none.
            None: that of the model that the run started from, if there is one.
        exist: what to do if there is a model of that name. `new_names.EXIST_OVERWRITE` replaces it;
            `EXIST_ERROR` replaces it only if its card says that it comes from this run.

    Returns:
        Path of the card.

    Raises:
        UsageError: the name is not valid or is taken, `run_dir` holds no run, the existing card
            cannot be read, `blend` or `smoothing` are for another network, `smoothing` is out of
            range, or `photos` have no image; nothing is written.
        TrainingError: every checkpoint is damaged. If only the best checkpoint is damaged, the
            newest undamaged checkpoint is exported, with a warning.
        ModelRefusedError: ONNX Runtime and PyTorch differ by more than rounding.
        OutputError: `out_dir` is not a folder, or the files cannot be written.
    """
    check_name(name, out_dir)  # before a path contains it
    card_path = out_dir / f"{name}.toml"
    existing_card = read_written_card(card_path)
    is_same_run = is_of_run(existing_card, run_dir)
    # The result is a message if an existing model will be replaced; else "".
    if message := require_free_name(name, out_dir, exist=exist, is_same_source=is_same_run):
        say(message)
    config, tensors, images_seen, progress = _read_best(run_dir)
    if unfinished := describe_unfinished(config, progress):
        warnings.warn(unfinished, stacklevel=2)
    generator = _build_average(config, tensors, blend)
    start_smoothing = smoothing_of_start_model(run_dir)
    smoothing = start_smoothing if smoothing is None else smoothing
    smooth_faces(generator, smoothing)
    critic = critic_file(config, name, tensors)
    say(f"Checking the network after {images_seen} images: PyTorch, ONNX Runtime, memory")
    model = as_onnx(generator)  # the conversion, before the checks in `add_metadata`
    add_metadata(model, generator, config, {"name": name, "images_seen": str(images_seen)})
    with convert_write_errors(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)
    onnx_path, int8_path = out_dir / f"{name}.onnx", out_dir / f"{name}.int8.onnx"
    # Hashes of the new file with no licence or the earlier one: a card with one has these weights.
    same_weight_hashes = hashes_of_same_weights(model, onnx_path)
    # The card of a fine-tuning describes no blend; its scores are with its start model's filter.
    run_card = {} if blend else read_run_card(run_dir, images_seen)
    if smoothing != start_smoothing:
        run_card.pop("scores", None)
    earlier_sha256 = existing_card.get("files", {}).get("onnx", {}).get("sha256")
    has_same_weights = earlier_sha256 in same_weight_hashes
    is_same_source = is_same_run or has_same_weights
    existing_card = applicable_entries(
        existing_card, config.task, run_card, is_same_source=is_same_source
    )
    if existing_card.keys() - {"files"} and not is_same_source:  # "files" always applies
        say("The summary, licence, data and limits of the earlier card are kept; check them.")
    # `fill_card` puts the same licence on the card: that of the run's card, or else that of the
    # existing card. An existing card for the same weights comes first.
    cards = (existing_card, run_card) if has_same_weights else (run_card, existing_card)
    licence = stated_licence(cards[0] if "licence" in cards[0] else cards[1])
    onnx_bytes = with_licence(model, licence)
    int8 = None
    if config.task != FACES:
        say("Making the int8 network from photos, for the fast mode")
        int8 = int8_of_run(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest(), run_dir, photos)
    # Nothing is written before this, so that an export that fails does not take the name.
    critic_path = out_dir / f"{name}.critic.safetensors"
    say(f"Writing {onnx_path}")
    files = {"onnx": _write(onnx_path, onnx_bytes)}
    if critic:
        say(f"Writing {critic_path}")
        files["critic"] = _write(critic_path, critic)
    if int8:
        say(f"Writing {int8_path}")
        files["int8"] = _write(int8_path, int8.data)
    if not images_seen:
        warnings.warn(_UNTRAINED, stacklevel=2)
    changes = describe_changes(blend, smoothing)
    training = {"images_seen": images_seen, **describe_run(run_dir), **changes}
    int8_record = int8.record if int8 else None
    # A fine-tuned face generator keeps the default truncation of the model that it started from,
    # unless the card of an earlier export states another value.
    truncation = truncation_of_start_model(run_dir) if config.task == FACES else None
    if truncation is not None and not (is_same_source and "truncation" in existing_card):
        existing_card["truncation"] = truncation
    card = fill_card(
        name, config, files, training, existing_card, int8_record, same_weight_hashes, run_card
    )
    with atomic_write(card_path) as file:
        file.write(tomli_w.dumps(card, multiline_strings=False).encode())
    # Files of the earlier model are removed last, so that no card names a missing file.
    if not critic:
        _remove(critic_path)
    if not int8:
        _remove(int8_path)
    if "safetensors" in existing_card.get("files", {}):
        _remove(out_dir / f"{name}.safetensors")
    return card_path


def load_run(run_dir: Path) -> tuple[TrainConfig, nn.Module, int]:
    """Build the generator of a run with the moving average of its best checkpoint.

    If this checkpoint is damaged, the newest undamaged checkpoint is used, with a warning.

    Returns:
        The options of the run, the generator on the CPU, and the images seen at that checkpoint.

    Raises:
        UsageError: there is no run in `run_dir`, or no checkpoint yet.
        TrainingError: every checkpoint is damaged.
    """
    config, tensors, images_seen, _ = _read_best(run_dir)
    return config, _build_average(config, tensors), images_seen


def _build_average(
    config: TrainConfig, tensors: dict[str, torch.Tensor], blend: Blend | None = None
) -> nn.Module:
    """Build the generator with the moving average of a checkpoint, perhaps blended with a model."""
    generator = build("generators", config.generator, **generator_arguments(config)).eval()
    generator.load_state_dict(checkpoint.tensors_under("average.", tensors))
    if blend:
        blend_weights(generator, blend)
    if isinstance(generator, style_resnet.Generator):
        generator.centre()  # the mean style of these weights, which training does not compute
    return generator


def _read_best(
    run_dir: Path,
) -> tuple[TrainConfig, dict[str, torch.Tensor], int, dict[str, Any]]:
    """Read the best checkpoint of a run, which may be in progress; errors as for `load_run`.

    Returns:
        The options of the run, the tensors of the checkpoint, the images seen at it, and the
        numbers of the newest checkpoint, those of `checkpoint.Progress`.
    """
    if not (run_dir / CONFIG_NAME).is_file():
        raise UsageError(f"{run_dir} holds no training run.")
    config = load_config(run_dir / CONFIG_NAME)
    folder = run_dir / "checkpoints"
    newest_checkpoint = checkpoint.newest(folder)
    if newest_checkpoint is None:
        raise UsageError(f"{run_dir} has no checkpoint yet.")
    tensors, progress = newest_checkpoint
    newest, best = progress["images_seen"], progress["best_images_seen"]
    best_path = checkpoint.path_of(folder, best)
    # `best` is 0 before the first validation, and also if the state before training is the best.
    # Only in the second case is there a checkpoint of 0 images.
    if best == newest or (best == 0 and not best_path.is_file()):
        return config, tensors, newest, progress
    try:
        return config, checkpoint.read(best_path)[0], best, progress
    except TrainingError as error:
        warnings.warn(
            f"{error} It was the best one, after {best} images; the newest undamaged one, after "
            f"{newest}, is used instead.",
            stacklevel=3,
        )
    return config, tensors, newest, progress


def _remove(path: Path) -> None:
    """Remove a file of the earlier model, if it exists."""
    with convert_write_errors(path):
        path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> dict[str, Any]:
    """Write a file, and return its name, SHA-256 and size for the card."""
    with atomic_write(path) as file:
        file.write(data)
    return {"name": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
