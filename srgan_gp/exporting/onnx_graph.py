"""`as_onnx`: converts a generator from PyTorch to ONNX, with every parameter under its own name."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.cards import FACES, UPSCALING

OPSET = 18
"""Version of ONNX's operators. A later one would exclude earlier versions of ONNX Runtime."""


@dataclass(frozen=True)
class GraphInterface:
    """Input and output of a graph.

    Attributes:
        input_name: name of the input.
        output_name: name of the output.
        example: returns an example input of a generator, for tracing. Its dynamic dimensions are
            above 1, because the exporter fixes a dimension of size 1.
        dynamic: for each dimension of the input, its name if it may have any size; None if fixed.
        dynamic_result: the same for the output.
        optimize: whether the exporter simplifies the graph. It then computes expressions of
            parameters alone, from the random weights that `as_onnx` traces with. False for
            `style_resnet`, whose demodulation is such an expression: ONNX Runtime computes it from
            the true weights when it loads the model.
    """

    input_name: str
    output_name: str
    example: Callable[[nn.Module], Tensor]
    dynamic: tuple[str | None, ...]
    dynamic_result: tuple[str | None, ...]
    optimize: bool = True


INTERFACES = {
    UPSCALING: GraphInterface(
        "image", "upscaled", lambda _: torch.rand(2, 3, 17, 23),
        ("N", None, "H", "W"), ("N", None, "enlarged", "enlarged"),
    ),
    FACES: GraphInterface(
        "latent", "faces", lambda generator: torch.randn(2, cast(int, generator.latent_size)),
        ("N", None), ("N", None, None, None), optimize=False,
    ),
}  # fmt: skip
"""Interfaces by task, one of `cards.TASKS`. Height and width of an upscaled image share the name
"enlarged", although they may differ: ONNX Runtime does not compare an output with such names."""


def as_onnx(generator: nn.Module) -> onnx.ModelProto:
    """Convert a generator, with the interface of its `task` and its dynamic dimensions.

    The graph is traced with random weights, which are then replaced by the true ones. The reason is
    that the exporter's optimiser drops all-zero biases and merges equal tensors, but fine-tuning
    and interpolation between two models need every parameter.

    Args:
        generator: on the CPU, in eval mode; maps (N, 3, H, W) to (N, 3, H * scale, W * scale) or,
            for faces, (N, latent_size) to (N, 3, size, size).

    Returns:
        The graph, without metadata; its initializers have the names of the parameters.

    Raises:
        ModelRefusedError: a parameter or a buffer is not in the graph, or PyTorch cannot export the
            network.
    """
    model = _trace(_with_random_weights(generator), INTERFACES[str(generator.task)])
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, value in generator.state_dict().items():  # parameters, and buffers if there are any
        if name not in initializers:
            raise ModelRefusedError(f"The parameter {name} is missing in the exported graph.")
        initializers[name].CopyFrom(numpy_helper.from_array(value.numpy(), name))
    onnx.checker.check_model(model, full_check=True)
    return model


def _with_random_weights(generator: nn.Module) -> nn.Module:
    """Return a copy with standard normal parameters, and the same buffers.

    The state of PyTorch's random generator is kept.
    """
    randomised = copy.deepcopy(generator)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for parameter in randomised.parameters():
            parameter.normal_()
    return randomised


def _trace(generator: nn.Module, interface: GraphInterface) -> onnx.ModelProto:
    """Export a generator with PyTorch, and name the dynamic dimensions."""
    dynamic = {
        index: torch.export.Dim.DYNAMIC for index, name in enumerate(interface.dynamic) if name
    }
    program = torch.onnx.export(
        generator,
        (interface.example(generator),),
        dynamo=True,
        opset_version=OPSET,
        input_names=[interface.input_name],
        output_names=[interface.output_name],
        dynamic_shapes=(dynamic,),
        optimize=interface.optimize,
        verbose=False,
    )
    if program is None:
        raise ModelRefusedError("PyTorch could not export the network to ONNX.")
    model = program.model_proto
    _name_dimensions(model.graph.input[0], interface.dynamic)
    _name_dimensions(model.graph.output[0], interface.dynamic_result)
    _remove_source_info(model)
    return model


def _name_dimensions(value: onnx.ValueInfoProto, names: tuple[str | None, ...]) -> None:
    """Name the dimensions of an input or output; those with None stay as they are."""
    for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
        if name:
            dimension.dim_param = name


def _remove_source_info(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes on the Python source: names of functions, paths, lines.

    The shapes of inner tensors, `value_info`, have such notes too. Readers can infer them again.
    """
    model.graph.name = "srgan-gp"
    model.graph.doc_string = ""
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
