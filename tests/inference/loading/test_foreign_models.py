from pathlib import Path

import numpy as np
import pytest

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.session import Session


@pytest.fixture
def foreign(tiny_model):
    """Write a model without our metadata."""
    return lambda model=None: tiny_model("foreign", model, srgan_gp_version=None)


def open_foreign(path):
    return Session.open(path, device="cpu", threads=1)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_scale_and_overlap_are_measured(foreign, onnx_models, scale):
    layers = [onnx_models.layer(3), onnx_models.layer(5)]
    info = open_foreign(foreign(onnx_models.convolutional(layers, scale=scale))).info
    assert (info.scale, info.overlap, info.size_multiple) == (scale, 3, 1)
    assert (info.name, info.task, info.source) == ("foreign", "super-resolution", "measured")


def test_measured_properties_are_reported_in_one_line(foreign):
    [note] = open_foreign(foreign()).notes
    assert "x2" in note
    assert "overlap by 3 pixels" in note
    assert "\n" not in note


def test_a_global_model_has_no_overlap(foreign, onnx_models):
    from onnx import helper

    pool = helper.make_node("GlobalAveragePool", ["image"], ["mean"])
    add = helper.make_node("Add", ["image", "mean"], ["upscaled"])
    opened = open_foreign(foreign(onnx_models.of_nodes([pool, add])))
    assert opened.info.overlap is None
    assert "never tiled" in opened.notes[0]


def test_the_size_multiple_is_measured(foreign, onnx_models):
    """Max pooling by 2, then repeating: sides and corners of tiles must be even."""
    from onnx import helper, numpy_helper

    factors = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "factors")
    pool = helper.make_node("MaxPool", ["image"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2])
    grow = helper.make_node("Resize", ["pooled", "", "factors"], ["upscaled"], mode="nearest")
    info = open_foreign(foreign(onnx_models.of_nodes([pool, grow], [factors]))).info
    assert (info.scale, info.size_multiple) == (1, 2)


def test_external_data_is_refused_before_onnx_runtime_sees_it(foreign, onnx_models, monkeypatch):
    from onnx import TensorProto

    from srgan_gp.inference import ort_engine

    model = onnx_models.convolutional()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    monkeypatch.setattr(ort_engine.onnxruntime, "InferenceSession", None)
    with pytest.raises(ModelRefusedError, match="other files"):
        open_foreign(foreign(model))


def test_the_advice_on_external_data_makes_a_single_file(foreign, onnx_models, monkeypatch):
    import onnx

    path = foreign(onnx_models.convolutional())
    monkeypatch.chdir(path.parent)
    onnx.save_model(
        onnx.load(path), "x.onnx", save_as_external_data=True, location="x.data", size_threshold=0
    )
    with pytest.raises(ModelRefusedError) as caught:
        open_foreign(Path("x.onnx"))
    exec(str(caught.value).partition("single file: ")[2].removesuffix("."), {"onnx": onnx})
    assert open_foreign(Path("single.onnx")).info.scale == open_foreign(path).info.scale


def test_external_data_hidden_in_a_constant_is_refused(foreign, onnx_models):
    from onnx import TensorProto, helper

    value = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
    value.ClearField("float_data")
    value.data_location = TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../secret")
    constant = helper.make_node("Constant", [], ["one"], value=value)
    add = helper.make_node("Add", ["image", "one"], ["upscaled"])
    with pytest.raises(ModelRefusedError, match="other files"):
        open_foreign(foreign(onnx_models.of_nodes([constant, add])))


def test_external_data_hidden_in_sparse_weights_is_refused(foreign, onnx_models):
    from onnx import SparseTensorProto, TensorProto

    model = onnx_models.convolutional()
    sparse = SparseTensorProto()
    sparse.values.name = "sparse"
    sparse.values.data_location = TensorProto.EXTERNAL
    model.graph.sparse_initializer.append(sparse)
    with pytest.raises(ModelRefusedError, match="other files"):
        open_foreign(foreign(model))


def test_control_flow_hidden_in_a_function_is_refused(foreign, onnx_models):
    from onnx import helper

    loop = helper.make_node("Loop", ["x"], ["y"])
    model = onnx_models.convolutional()
    model.functions.append(helper.make_function("", "F", ["x"], ["y"], [loop], []))
    with pytest.raises(ModelRefusedError, match="uses Loop"):
        open_foreign(foreign(model))


def test_a_model_that_depends_on_the_position_is_never_tiled(foreign, onnx_models):
    """It adds to each pixel the number of its column: local, but not shift equivariant."""
    from onnx import TensorProto, helper, numpy_helper

    zero, one = (numpy_helper.from_array(np.array(i), name) for i, name in enumerate("01"))
    nodes = [
        helper.make_node("Shape", ["image"], ["sides"], start=3),
        helper.make_node("Squeeze", ["sides"], ["width"]),
        helper.make_node("Range", ["0", "width", "1"], ["numbers"]),
        helper.make_node("Cast", ["numbers"], ["columns"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["image", "columns"], ["upscaled"]),
    ]
    assert open_foreign(foreign(onnx_models.of_nodes(nodes, [zero, one]))).info.overlap is None


def test_an_output_of_another_type_is_refused(foreign, onnx_models):
    from onnx import TensorProto, helper

    node = helper.make_node("Cast", ["image"], ["upscaled"], to=TensorProto.DOUBLE)
    model = onnx_models.of_nodes([node])
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    with pytest.raises(ModelRefusedError, match=r"output tensor\(double\)"):
        open_foreign(foreign(model))


def test_custom_operators_are_refused(foreign, onnx_models):
    from onnx import helper

    node = helper.make_node("Steal", ["image"], ["upscaled"], domain="evil.example")
    with pytest.raises(ModelRefusedError, match=r"evil\.example\.Steal"):
        open_foreign(foreign(onnx_models.of_nodes([node], opsets=["evil.example"])))


@pytest.mark.parametrize("kind", ["Loop", "If", "Scan"])
def test_control_flow_is_refused(foreign, onnx_models, kind):
    from onnx import helper

    node = helper.make_node(kind, ["image"], ["upscaled"])
    with pytest.raises(ModelRefusedError, match=f"uses {kind}"):
        open_foreign(foreign(onnx_models.of_nodes([node])))


@pytest.mark.parametrize("metadata", ["ours", "none"])
def test_a_file_with_our_metadata_is_checked_as_well(tiny_model, onnx_models, metadata):
    from onnx import helper

    node = helper.make_node("Loop", ["image"], ["upscaled"])
    version = "1" if metadata == "ours" else None
    path = tiny_model("evil", onnx_models.of_nodes([node]), srgan_gp_version=version)
    with pytest.raises(ModelRefusedError, match="uses Loop"):
        open_foreign(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("N", 1, "H", "W"), "float32 image"),
        (("N", 3, "L"), "float32 image"),
        (("N", 3, 64, 48), "only images of 48 x 64"),
    ],
)
def test_other_inputs_are_refused(foreign, onnx_models, shape, message):
    from onnx import helper

    node = helper.make_node("Relu", ["image"], ["upscaled"])
    model = onnx_models.of_nodes([node], shape=shape)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ModelRefusedError, match=message):
        open_foreign(foreign(model))


def test_two_inputs_are_refused(foreign, onnx_models):
    from onnx import TensorProto, helper

    node = helper.make_node("Add", ["image", "noise"], ["upscaled"])
    model = onnx_models.of_nodes([node])
    model.graph.input.append(helper.make_tensor_value_info("noise", TensorProto.FLOAT, [1]))
    with pytest.raises(ModelRefusedError, match="2 inputs"):
        open_foreign(foreign(model))


def test_a_scale_that_is_not_an_integer_is_refused(foreign, onnx_models):
    from onnx import helper

    node = helper.make_node("GlobalAveragePool", ["image"], ["upscaled"])
    with pytest.raises(ModelRefusedError, match="upscaled by an integer factor"):
        open_foreign(foreign(onnx_models.of_nodes([node])))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 100])
def test_a_file_that_is_not_a_model_is_refused(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelRefusedError, match="broken"):
        open_foreign(path)


def test_a_graph_truncated_anywhere_is_refused(foreign, onnx_models):
    path = foreign()
    graph_ends = onnx_models.convolutional().ByteSize() - 10
    data = path.read_bytes()
    for length in range(0, graph_ends, 97):
        path.write_bytes(data[:length])
        with pytest.raises(ModelRefusedError):
            open_foreign(path)


@pytest.mark.parametrize(
    ("operation", "value", "message"),
    [("Mul", 255.0, "values around 130"), ("Div", 0.0, "not finite")],
)
def test_a_model_of_another_range_is_refused(foreign, onnx_models, operation, value, message):
    from onnx import helper, numpy_helper

    factor = numpy_helper.from_array(np.array([value], np.float32), "factor")
    sizes = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "sizes")
    nodes = [
        helper.make_node(operation, ["image", "factor"], ["changed"]),
        helper.make_node("Resize", ["changed", "", "sizes"], ["upscaled"], mode="nearest"),
    ]
    with pytest.raises(ModelRefusedError, match=message):
        open_foreign(foreign(onnx_models.of_nodes(nodes, [factor, sizes])))
