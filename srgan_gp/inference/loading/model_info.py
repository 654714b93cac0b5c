"""`ModelInfo`: properties of an ONNX model, read from its metadata; checks of inputs and outputs.

`srgan-gp export` writes these properties to `metadata_props`, the key-value pairs of an ONNX file.
The overlap is the number of pixels that the network gets on each side of a tile. Tiles are exact if
it is the receptive radius of the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.cards import FACES

UNKNOWN_BYTES_PER_PIXEL = 16_000
"""Default of `bytes_per_pixel`, from a heavy network: SRResNet with 64 channels at the size of the
result needs 1.1 GB for an image of 256 x 256 pixels."""

Padding = Literal["edge", "reflect"]
"""How an image is padded: its edge pixels are repeated, or it is mirrored without them."""

FLOAT32_SHA256 = "float32_sha256"
"""Metadata of an int8 network: SHA-256 of the float32 file that it was made from."""


@dataclass(frozen=True)
class ModelInfo:
    """Properties of a model that inference needs."""

    name: str
    task: str
    """One of `cards.TASKS`; empty where the metadata has none."""
    scale: int
    """Scale factor; 1 for a face generator."""
    overlap: int | None
    """Input pixels that the network gets on each side of a tile; its receptive radius, if tiles are
    exact. None for a network that is never tiled."""
    size_multiple: int
    """Sides of the input and positions of tiles must be multiples of this number of pixels."""
    source: Literal["metadata", "measured"]
    """Whether the properties are from the file, or from `foreign_models.measure_properties`."""
    sha256: str = ""
    """SHA-256 of the ONNX bytes, in hex; empty without a file, as in tests."""
    bytes_per_pixel: int = UNKNOWN_BYTES_PER_PIXEL
    """Estimated peak memory of a run in bytes, per input pixel."""
    fidelity: float | None = None
    """Weight of a second model that is averaged with this one (`fidelity_mixing`), 0 to 1; None:
    the model runs as it is."""
    has_exact_tiles: bool = True
    """Whether tiles give the result of the whole image; False for an imported model that depends on
    the whole image."""
    size_minimum: int = 1
    """Smallest sides that the network takes, in pixels; smaller images are padded."""
    padding: Padding = "edge"
    """Padding of images up to `size_minimum` and `size_multiple`."""
    latent_size: int = 0
    """Length of a latent, the input vector of a face generator; 0 for an upscaler."""
    image_size: int = 0
    """Height and width of a face in pixels; 0 for an upscaler."""

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) to which an image of this size is padded for the network."""
        height += -height % self.size_multiple  # up to the next multiple
        width += -width % self.size_multiple
        return max(height, self.size_minimum), max(width, self.size_minimum)

    @property
    def tiling_note(self) -> str:
        """Message about a model without exact tiles."""
        return (
            f"Tiles of {self.name} are approximate: it depends on the whole image. An image that "
            "fits into memory is computed at once."
        )

    @property
    def measured_note(self) -> str:
        """Message about a model without metadata: its measured properties."""
        if self.overlap is None:
            overlap = "it needs the whole image at once, so it is never tiled"
        else:
            overlap = f"tiles overlap by {self.overlap} pixels, its receptive radius"
        sides = f", sides in steps of {self.size_multiple}" if self.size_multiple > 1 else ""
        return (
            f"{self.name} has no metadata; measured on the CPU: x{self.scale}{sides}; {overlap}. "
            "Values are assumed to be RGB from 0 to 1."
        )


def read_metadata(metadata: Mapping[str, str], name: str, sha256: str) -> ModelInfo | None:
    """Parse the `metadata_props` of a model.

    Args:
        metadata: keys and values of the file.
        name: name of the model if the metadata has none, also for messages.
        sha256: SHA-256 of the file, in hex.

    Returns:
        The properties; None if the model was not exported or imported by this package.

    Raises:
        ModelRefusedError: a value is missing or invalid.
    """
    if "srgan_gp_version" not in metadata:
        return None
    if metadata.get("value_range", "0..1") != "0..1":
        raise ModelRefusedError(
            f"The model {name} has the value range {metadata['value_range']}; "
            "only 0..1 is supported."
        )
    if metadata.get("task") == FACES:
        return _read_face_metadata(metadata, name, sha256)
    # An inexact overlap has a key of its own, because earlier versions would tile by `overlap`.
    overlap_key = "approximate_overlap" if "approximate_overlap" in metadata else "overlap"
    overlap = _integer(metadata, overlap_key, name, smallest=-1)  # -1: the model is never tiled
    return ModelInfo(
        name=metadata.get("name", name),
        task=metadata.get("task", ""),
        scale=_integer(metadata, "scale", name, smallest=1),
        overlap=None if overlap < 0 else overlap,
        size_multiple=_integer(metadata, "size_multiple", name, smallest=1),
        source="metadata",
        sha256=sha256,
        bytes_per_pixel=_integer(
            metadata, "bytes_per_pixel", name, smallest=1, default=UNKNOWN_BYTES_PER_PIXEL
        ),
        has_exact_tiles="approximate_overlap" not in metadata,
        size_minimum=_integer(metadata, "size_minimum", name, smallest=1, default=1),
        padding="reflect" if metadata.get("padding") == "reflect" else "edge",
    )


def _read_face_metadata(metadata: Mapping[str, str], name: str, sha256: str) -> ModelInfo:
    """Parse the metadata of a face generator; arguments and errors as for `read_metadata`."""
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


def _integer(
    metadata: Mapping[str, str], key: str, name: str, *, smallest: int, default: int | None = None
) -> int:
    """Return the integer of a key.

    Args:
        metadata: keys and values of the file.
        key: the key.
        name: name of the model, for messages.
        smallest: smallest valid value.
        default: value if the key is missing; None means that it must exist.

    Raises:
        ModelRefusedError: the value is missing or invalid.
    """
    value = metadata.get(key, default)
    if value is None:
        raise ModelRefusedError(f"The model {name} lacks the metadata {key!r}. Export it again.")
    try:
        number = int(value)
    except ValueError:
        number = None
    if number is None or number < smallest:
        raise ModelRefusedError(
            f"The model {name} has invalid metadata {key} = {value!r}. Export it again."
        )
    return number


def check_inputs_and_outputs(
    inputs: Sequence[Any], outputs: Sequence[Any], name: str, info: ModelInfo | None = None
) -> None:
    """Check the inputs and outputs of a model against its task.

    An upscaler maps float32 images (N, 3, H, W) of any size to float32 images. A face generator
    maps float32 latents (N, latent_size) to images (N, 3, image_size, image_size).

    Args:
        inputs: ONNX Runtime's description (type and shape) of each input.
        outputs: ONNX Runtime's description of each output.
        name: name of the model, for messages.
        info: metadata of the model; None without metadata, which means an upscaler.

    Raises:
        ModelRefusedError: type, shape or number of inputs or outputs is wrong.
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


def _check_faces(latent: Any, faces: Any, info: ModelInfo) -> None:  # noqa: ANN401
    """Check the input and the output of a face generator, given by ONNX Runtime's descriptions."""
    side, size = info.image_size, info.latent_size
    fits = latent.type == "tensor(float)" and list(latent.shape[1:]) == [size]
    # The batch size must be dynamic: then the first dimension is a name, not an integer.
    if not fits or isinstance(latent.shape[0], int):
        raise ModelRefusedError(
            f"The model {info.name} has the input {latent.type} {latent.shape}; for faces float32 "
            f"latents (N, {size}) are needed. Export it again."
        )
    if faces.type != "tensor(float)" or list(faces.shape[1:]) != [3, side, side]:
        raise ModelRefusedError(
            f"The model {info.name} has the output {faces.type} {faces.shape}; float32 faces "
            f"(N, 3, {side}, {side}) are needed. Export it again."
        )


def _check_upscaler(image: Any, result: Any, name: str) -> None:  # noqa: ANN401
    """Check the input and the output of an upscaler, given by ONNX Runtime's descriptions."""
    shape, kind = image.shape, image.type
    is_image = kind == "tensor(float)" and len(shape) == 4
    # A dimension is an integer if it is fixed, otherwise a name or None.
    if not is_image or (isinstance(shape[1], int) and shape[1] != 3):
        raise ModelRefusedError(
            f"The model {name} has the input {kind} {shape}; "
            "a float32 image (N, 3, H, W) is needed."
        )
    if isinstance(shape[2], int) or isinstance(shape[3], int):
        raise ModelRefusedError(
            f"The model {name} accepts only images of {shape[3]} x {shape[2]} pixels. "
            "Export it with dynamic height and width."
        )
    if result.type != "tensor(float)" or len(result.shape) not in (0, 4):  # 0: unknown
        raise ModelRefusedError(
            f"The model {name} has the output {result.type} {result.shape}; "
            "a float32 image is needed."
        )
