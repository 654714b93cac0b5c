import subprocess
import sys

from srgan_gp.inference.upscaler import DEFAULT_MODEL
from srgan_gp.serving.server_settings import ServerSettings


def loaded_by(module):
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_default_model_equals_that_of_the_library():
    assert ServerSettings().model == DEFAULT_MODEL


def test_default_host_is_loopback():
    assert ServerSettings().host == "127.0.0.1"


def test_settings_import_no_heavy_packages():
    assert loaded_by("srgan_gp.serving.server_settings").isdisjoint({"numpy", "PIL", "onnxruntime"})


def test_service_imports_neither_torch_nor_gradio():
    heavy = {"torch", "gradio", "fastapi", "starlette", "onnxruntime", "cv2"}
    assert loaded_by("srgan_gp.serving.jobs.service").isdisjoint(heavy)


def test_decoder_imports_no_inference_packages():
    heavy = {"onnxruntime", "onnx", "cv2", "srgan_gp.inference", "srgan_gp.batch"}
    assert loaded_by("srgan_gp.serving.decoding.decode_worker").isdisjoint(heavy)
