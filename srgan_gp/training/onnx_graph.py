"""A PyTorch network as an ONNX graph in which every parameter is found by its own name."""

import copy

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from srgan_gp.errors import ModelRefusedError

OPSET = 18


def as_onnx(generator: nn.Module) -> onnx.ModelProto:
    """Convert an upscaler: input `image`, output `upscaled`, dynamic N, H and W.

    The graph is traced with random weights and then given the true ones: the exporter's optimiser
    drops an all-zero bias and merges equal tensors, which would leave nothing to fine-tune or to
    interpolate between two models.

    Args:
        generator: maps (N, 3, H, W) to (N, 3, H * scale, W * scale), on the CPU, in eval mode.

    Raises:
        ModelRefusedError: a parameter is not in the graph, or the graph is not valid ONNX.
    """
    model = _trace(_with_random_weights(generator))
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, value in generator.state_dict().items():
        if name not in found:
            raise ModelRefusedError(f"The parameter {name} is missing in the exported graph.")
        found[name].CopyFrom(numpy_helper.from_array(value.numpy(), name))
    onnx.checker.check_model(model, full_check=True)
    return model


def _with_random_weights(generator: nn.Module) -> nn.Module:
    randomised = copy.deepcopy(generator)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for parameter in randomised.parameters():
            parameter.normal_()
    return randomised


def _trace(generator: nn.Module) -> onnx.ModelProto:
    dynamic = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        generator,
        (torch.rand(2, 3, 17, 23),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=["upscaled"],
        dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},),
        verbose=False,
    )
    if program is None:
        raise ModelRefusedError("PyTorch could not export the network to ONNX.")
    model = program.model_proto
    _name_dimensions(model.graph.input[0], ("N", None, "H", "W"))
    _forget_the_trace(model)
    return model


def _name_dimensions(value: onnx.ValueInfoProto, names: tuple[str | None, ...]) -> None:
    for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
        if name:
            dimension.dim_param = name


def _forget_the_trace(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes of the Python source: names of functions, paths, lines."""
    model.graph.name = "srgan-gp"
    model.graph.doc_string = ""
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    for dimension, name in zip(
        model.graph.output[0].type.tensor_type.shape.dim, ("N", "", "", ""), strict=True
    ):
        if not dimension.HasField("dim_value"):
            dimension.dim_param = name or "enlarged"
