"""`export`: writes the best checkpoint of a training run as ONNX model, critic weights and card."""

import hashlib
import json
import math
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import onnx
import tomli_w
import torch
from torch import nn

from srgan_gp.errors import ModelRefusedError, TrainingError, UsageError
from srgan_gp.exporting.critic_weights import critic_file
from srgan_gp.exporting.exported_card import RUN_TEXTS, fill_card, read_written_card
from srgan_gp.exporting.int8_network import int8_of_run
from srgan_gp.exporting.licence_metadata import hashes_by_licence, stated_licence, with_licence
from srgan_gp.exporting.memory_measurement import measure_bytes_per_pixel
from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.exporting.parity import TOLERANCE, largest_difference
from srgan_gp.exporting.weight_blending import Blend, blend_weights
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.session import Session
from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import check_name
from srgan_gp.networks import build
from srgan_gp.networks.generators import style_resnet
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import errors_about
from srgan_gp.training import checkpoint
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import load_config
from srgan_gp.training.run_data import CONFIG_NAME, describe_run
from srgan_gp.training.tasks import generator_arguments


def export(
    run_dir: Path,
    name: str,
    out_dir: Path,
    blend: Blend | None = None,
    photos: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Export the best moving average of a run.

    Writes `name.onnx`, `name.toml`, for an upscaler its `name.int8.onnx`, and for a run with a
    critic its weights in half precision as `name.critic.safetensors`. Fine-tuning reads the
    generator's weights from the ONNX file, whose initializers have the parameters' names. The texts
    of an existing card of that name (summary, licence, data, limits) are kept; its scores only if
    no weight changed. Files of an earlier model of that name are removed: its critic if the run has
    none, and the `name.safetensors` that version 0.1 wrote.

    Args:
        run_dir: folder of a training run.
        name: name of the model.
        out_dir: folder for the files.
        blend: a model to average the generator's weights with; None for none.
        photos: folders or zip files of photos on which the int8 network is calibrated; None for
            the training images of the run. If these are missing, or the network cannot be
            quantised, no int8 network is written, with a warning.
        say: called with a line about each step.

    Returns:
        Path of the card.

    Raises:
        UsageError: `check_name` refuses the name, `run_dir` holds no run, the existing card cannot
            be read, or `blend` has another network; nothing is written. Or `photos` have no image.
        TrainingError: every checkpoint is damaged. If only the best one is, the newest undamaged
            one is exported, with a warning.
        ModelRefusedError: ONNX Runtime and PyTorch differ by more than `TOLERANCE`.
        OutputError: `out_dir` is not a folder, or the files cannot be written.
    """
    check_name(name, out_dir)
    card_path = out_dir / f"{name}.toml"
    existing_card = read_written_card(card_path)
    config, tensors, images_seen = _read_best(run_dir)
    generator = _build_average(config, tensors, blend)
    critic = critic_file(config, name, tensors)
    say(f"Checking the network after {images_seen} images: PyTorch, ONNX Runtime, memory")
    model = as_onnx(generator)
    _add_metadata(model, generator, config, {"name": name, "images_seen": str(images_seen)})
    with errors_about(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)
    same_weights = hashes_by_licence(model, out_dir / f"{name}.onnx")
    # A fine-tuning stores texts for its card; they do not describe a blend with another model.
    run_texts = {} if blend else read_written_card(run_dir / RUN_TEXTS)
    graph = with_licence(model, stated_licence(run_texts | existing_card))
    say(f"Writing {out_dir / f'{name}.onnx'}")
    files = {"onnx": _write(out_dir / f"{name}.onnx", graph)}
    critic_path = out_dir / f"{name}.critic.safetensors"
    if critic:
        say(f"Writing {critic_path}")
        files["critic"] = _write(critic_path, critic)
    int8 = None
    if config.task != FACES:
        say("Making the int8 network from photos, for the fast mode")
        int8 = int8_of_run(graph, files["onnx"]["sha256"], run_dir, photos)
    if int8:
        say(f"Writing {out_dir / f'{name}.int8.onnx'}")
        files["int8"] = _write(out_dir / f"{name}.int8.onnx", int8.data)
    training = {"images_seen": images_seen, **describe_run(run_dir)}
    if blend:
        training["blended_with"] = f"{blend.share:g} of {blend.model.name}"
    record = int8.record if int8 else None
    card = fill_card(name, config, files, training, existing_card, record, same_weights, run_texts)
    with atomic_write(card_path) as file:
        file.write(tomli_w.dumps(card, multiline_strings=False).encode())
    # Files of the earlier model are removed last, so that no card names a missing file.
    if not critic:
        _remove(critic_path)
    if not int8:
        _remove(out_dir / f"{name}.int8.onnx")
    if "safetensors" in existing_card.get("files", {}):
        _remove(out_dir / f"{name}.safetensors")
    return card_path


def load_run(run_dir: Path) -> tuple[TrainConfig, nn.Module, int]:
    """Build the generator of a run with the moving average of its best checkpoint.

    If that is damaged, the newest undamaged one is used, with a warning.

    Returns:
        The options of the run, the generator on the CPU, and the images seen at that checkpoint.

    Raises:
        UsageError: there is no run in `run_dir`, or no checkpoint yet.
        TrainingError: every checkpoint is damaged.
    """
    config, tensors, images_seen = _read_best(run_dir)
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


def _read_best(run_dir: Path) -> tuple[TrainConfig, dict[str, torch.Tensor], int]:
    """Read options, tensors and number of images of one checkpoint, also of a run in progress."""
    if not (run_dir / CONFIG_NAME).is_file():
        raise UsageError(f"{run_dir} holds no training run.")
    config = load_config(run_dir / CONFIG_NAME)
    folder = run_dir / "checkpoints"
    newest_checkpoint = checkpoint.newest(folder)
    if newest_checkpoint is None:
        raise UsageError(f"{run_dir} has no checkpoint yet.")
    tensors, numbers = newest_checkpoint
    newest, best = numbers["images_seen"], numbers["best_images_seen"]
    path = checkpoint.path_of(folder, best)
    if best == newest or (best == 0 and not path.is_file()):  # 0: no validation so far
        return config, tensors, newest
    try:
        return config, checkpoint.read(path)[0], best
    except TrainingError as error:
        warnings.warn(
            f"{error} It was the best one, after {best} images; the newest undamaged one, after "
            f"{newest}, is used instead.",
            stacklevel=3,
        )
    return config, tensors, newest


def _verify(model: onnx.ModelProto, generator: nn.Module, name: str) -> ModelInfo:
    """Compare a graph in ONNX Runtime with PyTorch, and return its properties.

    `Session.open` measures the properties of a graph without metadata.
    """
    with _as_file(model, name) as path:
        session = Session.open(path, device="cpu")
    difference = largest_difference(session, generator)
    if not difference <= TOLERANCE:  # also true for NaN
        raise ModelRefusedError(
            f"ONNX Runtime and PyTorch differ by {difference:.2e}, more than {TOLERANCE:.0e}; "
            "nothing was written."
        )
    return session.info


def _add_metadata(
    model: onnx.ModelProto, generator: nn.Module, config: TrainConfig, identity: dict[str, str]
) -> None:
    """Verify the graph, and add `identity` and what inference must know to its metadata."""
    name = identity["name"]
    if config.task == FACES:
        sizes = {"latent_size": config.latent_size, "image_size": config.image_size}
    else:
        info = _verify(model, generator, name)
        # Declared by the class, because trained weights may hide the blocks from a measurement.
        declared_multiple = cast(int, getattr(generator, "size_multiple", 1))
        sizes = {
            "scale": info.scale,
            "overlap": -1 if info.overlap is None else info.overlap,  # -1: it cannot be tiled
            "size_multiple": math.lcm(info.size_multiple, declared_multiple),
            "bytes_per_pixel": info.bytes_per_pixel,
        }
    metadata = {
        "srgan_gp_version": version("srgan-gp"),
        "task": config.task,
        **{key: str(size) for key, size in sizes.items()},
        "value_range": "0..1",
        "architecture": config.generator,
        "arguments": json.dumps(generator_arguments(config)),
        **identity,
    }
    onnx.helper.set_model_props(model, metadata)
    if config.task == FACES:  # Without metadata, `Session` cannot open a graph that takes latents.
        _verify(model, generator, name)
        return
    with _as_file(model, name) as path:
        measured_bytes = measure_bytes_per_pixel(path)
    if measured_bytes is not None:  # otherwise the estimate remains
        onnx.helper.set_model_props(model, metadata | {"bytes_per_pixel": str(measured_bytes)})


@contextmanager
def _as_file(model: onnx.ModelProto, name: str) -> Generator[Path]:
    """Write a graph to a temporary file, and yield its path."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        _write(path, model.SerializeToString())
        yield path


def _remove(path: Path) -> None:
    with errors_about(path):
        path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> dict[str, Any]:
    """Write a file, and return its name, SHA-256 and size for the card."""
    with atomic_write(path) as file:
        file.write(data)
    return {"name": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
