import pytest

from srgan_gp.errors import UsageError
from srgan_gp.training.weights_file import read_tensors


def test_weights_in_other_files_are_refused_with_the_code_that_joins_them(tmp_path, onnx_models):
    import onnx

    path = tmp_path / "x.onnx"
    onnx.save_model(
        onnx_models.convolutional(), path, save_as_external_data=True, location="x.data",
        size_threshold=0,
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"single file: onnx\.save_model\(onnx\.load\('x.onnx'\)"):
        read_tensors(path)
