import subprocess
import sys

from srgan_gp.inference.upscaler import DEFAULT_MODEL
from srgan_gp.serving.server_settings import ServerSettings


def loaded_by(module):
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_server_takes_the_model_that_the_library_takes():
    assert ServerSettings().model == DEFAULT_MODEL


def test_a_server_listens_to_this_machine_alone_unless_told_otherwise():
    assert ServerSettings().host == "127.0.0.1"


def test_the_settings_load_nothing_heavy():
    assert loaded_by("srgan_gp.serving.server_settings").isdisjoint({"numpy", "PIL", "onnxruntime"})


def test_the_service_needs_neither_training_nor_a_page():
    heavy = {"torch", "gradio", "fastapi", "starlette", "onnxruntime", "cv2"}
    assert loaded_by("srgan_gp.serving.jobs.service").isdisjoint(heavy)


def test_a_decoder_loads_no_network():
    heavy = {"onnxruntime", "onnx", "cv2", "srgan_gp.inference", "srgan_gp.batch"}
    assert loaded_by("srgan_gp.serving.decoding.decode_worker").isdisjoint(heavy)
