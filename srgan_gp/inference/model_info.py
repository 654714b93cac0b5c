"""What the runtime needs to know about a model, and where it stands in an ONNX file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srgan_gp.errors import ModelRefusedError

UNKNOWN_BYTES_PER_PIXEL = 16_000
"""For a model that does not say: what heavy ones need, such as SRResNet with 64 channels at full
size, 1.1 GB for a picture of 256 x 256."""


@dataclass(frozen=True)
class ModelInfo:
    """What the runtime needs to know about a model."""

    name: str
    task: str
    scale: int
    """Enlargement of both sides."""
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


def check_contract(inputs: Sequence[Any], outputs: Sequence[Any], name: str) -> None:
    """Check that a model takes one float32 picture of three channels and any size, and gives one.

    Args:
        inputs: ONNX Runtime's description (type and shape) of each input.
        outputs: the same of each output.
        name: for messages.

    Raises:
        ModelRefusedError: it does not.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelRefusedError(
            f"The model {name} has {len(inputs)} inputs and {len(outputs)} outputs; "
            "one of each is needed."
        )
    shape, kind = inputs[0].shape, inputs[0].type
    if kind != "tensor(float)" or len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        raise ModelRefusedError(
            f"The model {name} takes {kind} {shape}; a float32 picture (N, 3, H, W) is needed."
        )
    if isinstance(shape[2], int) or isinstance(shape[3], int):
        raise ModelRefusedError(
            f"The model {name} takes pictures of {shape[3]} x {shape[2]} only; "
            "export it with dynamic height and width."
        )
    result = outputs[0]
    if result.type != "tensor(float)" or len(result.shape) not in (0, 4):
        raise ModelRefusedError(
            f"The model {name} gives {result.type} {result.shape}; a float32 picture is needed."
        )
