"""A run becomes a model: ONNX for the runtime, safetensors for fine-tuning, a card for people."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import tomli_w
import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from srgan_gp.errors import ModelRefusedError, OutputError, UsageError
from srgan_gp.files import atomic_write
from srgan_gp.inference.model_info import ModelInfo
from srgan_gp.inference.session import Session
from srgan_gp.networks import build
from srgan_gp.training import checkpoint
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.onnx_graph import as_onnx
from srgan_gp.training.start import CONFIG_NAME
from srgan_gp.training.tasks import critic_arguments, generator_arguments
from srgan_gp.write_errors import errors_about

TOLERANCE = 1e-4
CHECK_SHAPES = ((1, 17, 23), (3, 31, 37), (1, 64, 61), (2, 5, 101), (1, 1, 1))  # (N, H, W)


def export(run_dir: Path, name: str, out_dir: Path) -> Path:
    """Export the best moving average of a run.

    Writes `name.onnx`, `name.safetensors`, `name.toml` and, for a run with a critic, its weights in
    half precision as `name.critic.safetensors`, for fine-tuning. Where a card of that name is there
    its texts (summary, licence, data, limits) are kept; its scores only if no weight changed. The
    critic of an earlier model of that name is removed where the run has none: training that starts
    from the new model would go on with it.

    Args:
        run_dir: folder of a training run.
        name: of the model; letters, digits, `-` and `_`.
        out_dir: folder for the files.

    Returns:
        Path of the card.

    Raises:
        UsageError: the name cannot be used, `run_dir` holds no run, or the card that is there
            cannot be read; nothing is written.
        ModelRefusedError: ONNX Runtime and PyTorch differ by more than `TOLERANCE`.
        OutputError: `out_dir` is no folder, or the files cannot be written.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"{name!r} cannot name a model; use letters, digits, '-' and '_'.")
    card_path = out_dir / f"{name}.toml"
    written = _written_card(card_path)
    config, generator, images_seen = load_run(run_dir)
    critic = load_critic_of_run(run_dir)
    model = as_onnx(generator)
    info = _measure(model, generator, name)
    metadata = _metadata(config, info) | {"name": name, "images_seen": str(images_seen)}
    onnx.helper.set_model_props(model, metadata)
    tensors = {k: v.contiguous() for k, v in generator.state_dict().items()}
    with errors_about(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)
    files = {
        "onnx": _write(out_dir / f"{name}.onnx", model.SerializeToString(deterministic=True)),
        "safetensors": _write(
            out_dir / f"{name}.safetensors", save_safetensors(tensors, metadata=metadata)
        ),
    }
    critic_path = out_dir / f"{name}.critic.safetensors"
    if critic:
        encoded = save_safetensors(critic, metadata=_critic_metadata(config, name))
        files["critic"] = _write(critic_path, encoded)
    card = _card(name, config, files, written)
    with atomic_write(card_path) as file:
        file.write(tomli_w.dumps(card, multiline_strings=False).encode())
    if not critic:
        with errors_about(critic_path):
            critic_path.unlink(missing_ok=True)  # after the card: none names a file that is gone
    return card_path


def load_run(run_dir: Path) -> tuple[TrainConfig, nn.Module, int]:
    """Build the generator of a run with the moving average of its best checkpoint.

    Returns:
        The options of the run, the generator on the CPU, and the images seen until then.

    Raises:
        UsageError: there is no run in `run_dir`, or no checkpoint yet.
        TrainingError: the checkpoint is damaged.
    """
    if not (run_dir / CONFIG_NAME).is_file():
        raise UsageError(f"{run_dir} holds no training run.")
    config = TrainConfig.load(run_dir / CONFIG_NAME)
    tensors, numbers = _read_best(run_dir)
    generator = build("generators", config.generator, **generator_arguments(config)).eval()
    generator.load_state_dict(checkpoint.tensors_under("average.", tensors))
    return config, generator, numbers["images_seen"]


def load_critic_of_run(run_dir: Path) -> dict[str, torch.Tensor]:
    """Read the critic's weights of a run's best checkpoint in float16; none without a critic."""
    tensors, _ = _read_best(run_dir)
    critic = checkpoint.tensors_under("critic.", tensors)
    return {name: value.half() for name, value in critic.items()}


def _read_best(run_dir: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    found = checkpoint.newest(run_dir / "checkpoints")
    if found is None:
        raise UsageError(f"{run_dir} has no checkpoint yet.")
    best = run_dir / "checkpoints" / f"image-{found[1]['best_images_seen']:09d}.json"
    return checkpoint.read(best) if best.is_file() else found


def largest_difference(session: Session, generator: nn.Module) -> float:
    """Compare ONNX Runtime with PyTorch on noise of `CHECK_SHAPES`: largest absolute difference."""
    noise = torch.Generator().manual_seed(0)
    worst = 0.0
    for count, height, width in CHECK_SHAPES:
        images = torch.rand(count, 3, height, width, generator=noise)
        with torch.no_grad():
            expected = generator(images).numpy()
        found = session.run(images.numpy())
        if found.shape != expected.shape:
            raise ModelRefusedError(
                f"ONNX gives {found.shape} where PyTorch gives {expected.shape}."
            )
        worst = max(worst, float(abs(found - expected).max()))
    return worst


def _measure(model: onnx.ModelProto, generator: nn.Module, name: str) -> ModelInfo:
    """Run the graph as somebody else's model, so that all the runtime needs is measured."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        _write(path, model.SerializeToString())
        session = Session.open(path, device="cpu")
    difference = largest_difference(session, generator)
    if not difference <= TOLERANCE:
        raise ModelRefusedError(
            f"ONNX Runtime and PyTorch differ by {difference:.2e}, more than {TOLERANCE:.0e}; "
            "nothing was written."
        )
    return session.info


def _metadata(config: TrainConfig, info: ModelInfo) -> dict[str, str]:
    """What both files say of themselves, so that a lone file can be used."""
    return {
        "srgan_gp_version": version("srgan-gp"),
        "task": config.task,
        "scale": str(info.scale),
        "overlap": str(-1 if info.overlap is None else info.overlap),
        "size_multiple": str(info.size_multiple),
        "bytes_per_pixel": str(info.bytes_per_pixel),
        "value_range": "0..1",
        "architecture": config.generator,
        "arguments": json.dumps(generator_arguments(config)),
    }


def _critic_metadata(config: TrainConfig, name: str) -> dict[str, str]:
    return {
        "srgan_gp_version": version("srgan-gp"),
        "name": f"{name}.critic",
        "architecture": config.critic,
        "arguments": json.dumps(critic_arguments(config)),
    }


def _write(path: Path, data: bytes) -> dict[str, Any]:
    with atomic_write(path) as file:
        file.write(data)
    return {"name": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _written_card(path: Path) -> dict[str, Any]:
    """Read the card that is there, whole or half filled in; an empty one where there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise OutputError(f"Cannot write into {path.parent}: it is not a folder.") from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The card {path} cannot be read: {error}. Mend it, or move it away for a fresh one."
        ) from error


def _card(
    name: str, config: TrainConfig, files: Mapping[str, object], written: dict[str, Any]
) -> dict[str, Any]:
    """Fill a card: measured facts anew, people's texts from the card that was there."""
    placeholders: dict[str, Any] = {
        "summary": f"A {config.generator} that enlarges {config.scale} times.",
        "version": "1",
        "licence": "unstated",
        "recipe": "unstated",
        "limits": [],
        "data": [],
        "scores": [],
    }
    measured = {
        "name": name,
        "task": config.task,
        "architecture": config.generator,
        "scale": config.scale,
        "arguments": generator_arguments(config),
        "files": files,
    }
    card = {**placeholders, **written, **measured}
    if written.get("files", {}).get("onnx") != files["onnx"]:
        card["scores"] = []  # those written belong to other weights
    return card
