"""Metadata of an ONNX model: scale, overlap, task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.cards import FACES

UNKNOWN_BYTES_PER_PIXEL = 16_000
"""For a model that does not say: what heavy ones need, such as SRResNet with 64 channels at full
size, 1.1 GB for a picture of 256 x 256."""


@dataclass(frozen=True)
class ModelInfo:
    """What the runtime needs to know about a model."""

    name: str
    task: str
    """One of `cards.TASKS`; empty where a model of ours does not say."""
    scale: int
    """Enlargement of both sides; 1 for a model of faces."""
    overlap: int | None
    """Receptive radius in input pixels; None: the model sees the whole picture (global)."""
    size_multiple: int
    """Input sides, and the corners of tiles, must be multiples of it."""
    source: Literal["metadata", "measured"]
    sha256: str = ""
    """Of the ONNX bytes, in hex; empty where there are none, as in a test's fake session."""
    bytes_per_pixel: int = UNKNOWN_BYTES_PER_PIXEL
    """Estimated peak memory of a run, per input pixel."""
    fidelity: float | None = None
    """Share of the fidelity partner's weights, 0 to 1; None: nobody asked for a mixture."""
    latent_size: int = 0
    """Numbers in a latent of a model of faces; 0 for one that takes pictures."""
    image_size: int = 0
    """Side of a face in pixels; 0 for a model that takes pictures."""

    @property
    def measured_note(self) -> str:
        """The sentence about a model whose properties had to be measured."""
        if self.overlap is None:
            sight = "sees the whole picture at once, so it is never tiled"
        else:
            sight = f"sees {self.overlap} pixels around each pixel, and tiles overlap by that"
        sides = f", sides in steps of {self.size_multiple}" if self.size_multiple > 1 else ""
        return (
            f"{self.name} says nothing about itself; measured on the CPU: x{self.scale}{sides}; "
            f"it {sight}. Values are taken to be RGB from 0 to 1."
        )


def read_metadata(metadata: Mapping[str, str], name: str, sha256: str) -> ModelInfo | None:
    """Read a model's `metadata_props`; None where it does not carry ours.

    Raises:
        ModelRefusedError: a value is missing or makes no sense.
    """
    if "srgan_gp_version" not in metadata:
        return None
    if metadata.get("value_range", "0..1") != "0..1":
        raise ModelRefusedError(
            f"The model {name} works on values {metadata['value_range']}; only 0..1 is known."
        )
    if metadata.get("task") == FACES:
        return _read_face_metadata(metadata, name, sha256)
    overlap = _integer(metadata, "overlap", name, smallest=-1)
    return ModelInfo(
        name=metadata.get("name", name),
        task=metadata.get("task", ""),
        scale=_integer(metadata, "scale", name, smallest=1),
        overlap=None if overlap < 0 else overlap,
        size_multiple=_integer(metadata, "size_multiple", name, smallest=1),
        source="metadata",
        sha256=sha256,
        bytes_per_pixel=_integer(
            {"bytes_per_pixel": str(UNKNOWN_BYTES_PER_PIXEL), **metadata},
            "bytes_per_pixel",
            name,
            smallest=1,
        ),
    )


def _read_face_metadata(metadata: Mapping[str, str], name: str, sha256: str) -> ModelInfo:
    return ModelInfo(
        name=metadata.get("name", name),
        task=FACES,
        scale=1,
        overlap=None,
        size_multiple=1,
        source="metadata",
        sha256=sha256,
        latent_size=_integer(metadata, "latent_size", name, smallest=1),
        image_size=_integer(metadata, "image_size", name, smallest=1),
    )


def _integer(metadata: Mapping[str, str], key: str, name: str, smallest: int) -> int:
    text = metadata.get(key)
    if text is None:
        raise ModelRefusedError(f"The model {name} lacks the metadata {key!r}; export it again.")
    try:
        value = int(text)
    except ValueError:
        value = smallest - 1
    if value < smallest:
        raise ModelRefusedError(f"The model {name} says {key} = {text!r}; export it again.")
    return value


def check_contract(
    inputs: Sequence[Any], outputs: Sequence[Any], name: str, info: ModelInfo | None = None
) -> None:
    """Check that a model takes and gives what its task wants.

    An upscaler takes one float32 picture of three channels and any size, and gives one. A model of
    faces takes float32 latents (N, latent_size) and gives pictures (N, 3, image_size, image_size).

    Args:
        inputs: ONNX Runtime's description (type and shape) of each input.
        outputs: the same of each output.
        name: for messages.
        info: what the model says of itself; None: nothing, so it has to be an upscaler.

    Raises:
        ModelRefusedError: it does not.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelRefusedError(
            f"The model {name} has {len(inputs)} inputs and {len(outputs)} outputs; "
            "one of each is needed."
        )
    if info is not None and info.task == FACES:
        _check_faces(inputs[0], outputs[0], info)
    else:
        _check_upscaler(inputs[0], outputs[0], name)


def _check_faces(latent: Any, faces: Any, info: ModelInfo) -> None:  # noqa: ANN401 - ONNX Runtime's
    side, size = info.image_size, info.latent_size
    takes = latent.type == "tensor(float)" and list(latent.shape[1:]) == [size]
    # Any number of them: the first dimension has a name and no number.
    if not takes or isinstance(latent.shape[0], int):
        raise ModelRefusedError(
            f"The model {info.name} takes {latent.type} {latent.shape}; for faces float32 latents "
            f"(N, {size}) are needed. Export it again."
        )
    if faces.type != "tensor(float)" or list(faces.shape[1:]) != [3, side, side]:
        raise ModelRefusedError(
            f"The model {info.name} gives {faces.type} {faces.shape}; float32 faces "
            f"(N, 3, {side}, {side}) are needed. Export it again."
        )


def _check_upscaler(picture: Any, result: Any, name: str) -> None:  # noqa: ANN401 - ONNX Runtime's
    shape, kind = picture.shape, picture.type
    if kind != "tensor(float)" or len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        raise ModelRefusedError(
            f"The model {name} takes {kind} {shape}; a float32 picture (N, 3, H, W) is needed."
        )
    if isinstance(shape[2], int) or isinstance(shape[3], int):
        raise ModelRefusedError(
            f"The model {name} takes pictures of {shape[3]} x {shape[2]} only; "
            "export it with dynamic height and width."
        )
    if result.type != "tensor(float)" or len(result.shape) not in (0, 4):
        raise ModelRefusedError(
            f"The model {name} gives {result.type} {result.shape}; a float32 picture is needed."
        )
