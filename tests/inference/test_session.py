import subprocess
import sys

import numpy as np
import pytest

from srgan_gp.errors import DeviceError, ModelRefusedError, UsageError
from srgan_gp.inference import devices, session
from srgan_gp.inference.engine import run
from srgan_gp.inference.session import Session

NO_DRIVER = "there is no NVIDIA driver here (libcuda.so.1 does not load)"


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(session, "why_no_gpu", lambda index: NO_DRIVER)


@pytest.fixture
def driver_only(monkeypatch):
    """A machine whose driver claims a GPU, while ONNX Runtime cannot use one."""
    monkeypatch.setattr(session, "why_no_gpu", lambda index: None)
    started = session.onnxruntime.InferenceSession

    def without_cuda(data, options, providers, **rest):
        return started(data, options, providers=["CPUExecutionProvider"], **rest)

    monkeypatch.setattr(session.onnxruntime, "InferenceSession", without_cuda)


def picture(height=9, width=11, count=1):
    return np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)


def test_a_model_says_what_it_is(tiny_model):
    info = Session.open(tiny_model(), device="cpu").info
    assert (info.name, info.task, info.scale) == ("tiny", "super-resolution", 2)
    assert (info.overlap, info.size_multiple, info.source) == (3, 1, "metadata")


def test_a_session_enlarges_batches_of_any_size(tiny_model):
    opened = Session.open(tiny_model(), device="cpu", threads=1)
    assert opened.run(picture(9, 11, count=3)).shape == (3, 3, 18, 22)
    assert (opened.device, opened.provider) == ("cpu", "CPUExecutionProvider")


def test_minus_one_means_global(tiny_model):
    assert Session.open(tiny_model(overlap="-1"), device="cpu").info.overlap is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("scale", None), ("scale", "0"), ("scale", "two"), ("overlap", "-2"), ("overlap", None),
     ("size_multiple", "0"), ("value_range", "0..255")],
)  # fmt: skip
def test_metadata_that_makes_no_sense_is_refused(tiny_model, key, value):
    with pytest.raises(ModelRefusedError, match=value or key):
        Session.open(tiny_model(**{key: value}), device="cpu")


# Hashes.


def test_a_model_with_its_card_opens(tiny_model, onnx_models):
    path = tiny_model()
    onnx_models.write_card(path)
    assert Session.open(path, device="cpu").info.scale == 2


def test_one_flipped_bit_anywhere_is_refused(tiny_model, onnx_models, rng):
    path = tiny_model()
    onnx_models.write_card(path)
    data = path.read_bytes()
    for position in rng.integers(0, len(data), 50):
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ModelRefusedError, match="damaged"):
            Session.open(path, device="cpu")


def test_a_refusal_names_both_hashes(tiny_model, onnx_models):
    path = tiny_model()
    card = onnx_models.write_card(path)
    expected = card.read_text().split('sha256 = "')[1][:12]
    path.write_bytes(b"")
    with pytest.raises(ModelRefusedError) as caught:
        Session.open(path, device="cpu")
    assert expected in str(caught.value)
    assert "e3b0c44298fc" in str(caught.value)  # SHA-256 of nothing


def test_a_damaged_model_is_never_parsed(tiny_model, onnx_models, monkeypatch):
    path = tiny_model()
    onnx_models.write_card(path)
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(session.onnxruntime, "InferenceSession", None)
    with pytest.raises(ModelRefusedError, match="damaged"):
        Session.open(path, device="cpu")


# Devices.


def test_auto_without_a_gpu_takes_the_cpu_and_says_why(tiny_model, no_gpu):
    opened = Session.open(tiny_model())
    assert opened.device == "cpu"
    assert opened.notes == (f"auto chose the CPU: {NO_DRIVER}.",)


def test_cpu_needs_no_explanation(tiny_model):
    assert Session.open(tiny_model(), device="cpu").notes == ()


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3"])
def test_cuda_without_a_gpu_is_one_sentence(tiny_model, no_gpu, device):
    with pytest.raises(DeviceError) as caught:
        Session.open(tiny_model(), device=device)
    assert caught.value.exit_code == 7
    assert NO_DRIVER in str(caught.value)


def test_cuda_that_silently_became_a_cpu_is_an_error(tiny_model, driver_only):
    with pytest.raises(DeviceError, match="libraries do not load"):
        Session.open(tiny_model(), device="cuda")


def test_auto_says_that_a_gpu_could_not_be_used(tiny_model, driver_only):
    opened = Session.open(tiny_model(), device="auto")
    assert opened.provider == "CPUExecutionProvider"
    assert "libraries do not load" in opened.notes[0]


def test_a_failed_try_prints_nothing(tiny_model):
    program = (
        "import sys; from srgan_gp.inference import session\n"
        "session.why_no_gpu = lambda index: None\n"
        "print(session.Session.open(sys.argv[1], device='auto').device[:3])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tiny_model()], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() in ("cpu", "cud")
    assert done.stderr == ""


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", "", "cuda:-1"])
def test_there_is_no_other_device(tiny_model, device):
    with pytest.raises(UsageError, match="choose auto, cpu, cuda"):
        Session.open(tiny_model(), device=device)


class FakeDriver:
    """Stands in for libcuda: answers with a status and a number of GPUs."""

    def __init__(self, status, count):
        self.status, self.count = status, count

    def cuInit(self, flags):  # noqa: N802 - the driver's name
        return self.status

    def cuDeviceGetCount(self, count):  # noqa: N802 - the driver's name
        count._obj.value = self.count
        return 0


@pytest.mark.parametrize(
    ("status", "count", "index", "reason"),
    [(0, 1, 0, None), (0, 2, 1, None), (0, 1, 1, "knows 1 GPU,"), (0, 2, 5, "knows 2 GPUs,"),
     (100, 0, 0, "CUDA error 100"), (0, 0, 0, "no GPU it can use")],
)  # fmt: skip
def test_the_driver_is_asked(monkeypatch, status, count, index, reason):
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: FakeDriver(status, count))
    devices._count_gpus.cache_clear()
    try:
        answer = devices.why_no_gpu(index)
    finally:
        devices._count_gpus.cache_clear()
    assert answer is None if reason is None else reason in answer


# Errors of ONNX Runtime.


class FailingEngine:
    def __init__(self, text):
        self.text = text

    def get_inputs(self):
        return [type("Input", (), {"name": "image"})]

    def run(self, names, feed):
        raise RuntimeError(self.text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested "
         "buffer of size 1073741824", MemoryError),
        ("[ONNXRuntimeError] : 1 : FAIL : std::bad_alloc", MemoryError),
        ("CUDA failure 2: out of memory ; GPU=0", MemoryError),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", MemoryError),
        ("CUDA failure 719: unspecified launch failure", DeviceError),
        ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions", ModelRefusedError),
    ],
)  # fmt: skip
def test_errors_of_onnx_runtime_become_ours(text, kind):
    with pytest.raises(kind):
        run(FailingEngine(text), picture(), "tiny")


def test_a_real_failure_to_allocate_is_a_memory_error(onnx_models, tmp_path):
    """In a process of its own, whose memory is limited to a little more than it has."""
    path = tmp_path / "tiny.onnx"
    model = onnx_models.with_metadata(onnx_models.convolutional(width=64))
    path.write_bytes(model.SerializeToString())
    program = (
        "import resource, sys, numpy; from srgan_gp.inference.session import Session\n"
        "opened = Session.open(sys.argv[1], device='cpu', threads=1)\n"
        "image = numpy.zeros((1, 3, 1024, 1024), numpy.float32)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**27,) * 2)\n"
        "try: opened.run(image)\n"
        "except MemoryError: print('memory')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("memory", "")


def test_a_model_of_the_package_never_needs_onnx(tiny_model, onnx_models):
    path = tiny_model()
    onnx_models.write_card(path)
    program = (
        "import sys; sys.modules['onnx'] = sys.modules['torch'] = sys.modules['cv2'] = None\n"
        "from srgan_gp.inference.session import Session; Session.open('tiny', device='cpu')"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={"SRGAN_GP_MODELS": str(path.parent)}
    )
