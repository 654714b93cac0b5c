import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from srgan_gp.errors import DeviceError, ModelRefusedError, UsageError
from srgan_gp.inference import cuda_driver, devices, ort_engine
from srgan_gp.inference.runtime_types import run_ort_session
from srgan_gp.inference.session import Session
from srgan_gp.models.looks import fidelity_of_look

NO_DRIVER = "no NVIDIA driver was found (libcuda.so.1 does not load)"


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: NO_DRIVER)


@pytest.fixture
def driver_only(monkeypatch):
    """A machine whose driver reports a GPU that ONNX Runtime cannot use."""
    monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: None)
    started = ort_engine.onnxruntime.InferenceSession

    def without_cuda(data, options, providers, **rest):
        return started(data, options, providers=["CPUExecutionProvider"], **rest)

    monkeypatch.setattr(ort_engine.onnxruntime, "InferenceSession", without_cuda)


def random_image(height=9, width=11, count=1):
    return np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)


def test_metadata_of_a_model(tiny_model):
    info = Session.open(tiny_model(), device="cpu").info
    assert (info.name, info.task, info.scale) == ("tiny", "super-resolution", 2)
    assert (info.overlap, info.size_multiple, info.source) == (3, 1, "metadata")


def test_a_session_upscales_batches_of_any_size(tiny_model):
    opened = Session.open(tiny_model(), device="cpu", threads=1)
    assert opened.run(random_image(9, 11, count=3)).shape == (3, 3, 18, 22)
    assert (opened.device, opened.provider) == ("cpu", "CPUExecutionProvider")


def test_minus_one_means_global(tiny_model):
    assert Session.open(tiny_model(overlap="-1"), device="cpu").info.overlap is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("scale", None), ("scale", "0"), ("scale", "two"), ("overlap", "-2"), ("overlap", None),
     ("size_multiple", "0"), ("value_range", "0..255")],
)  # fmt: skip
def test_invalid_metadata_is_refused(tiny_model, key, value):
    with pytest.raises(ModelRefusedError, match=value or key):
        Session.open(tiny_model(**{key: value}), device="cpu")


# Hashes.


def test_a_model_with_its_card_opens(tiny_model, onnx_models):
    path = tiny_model()
    onnx_models.write_card(path)
    assert Session.open(path, device="cpu").info.scale == 2


def test_a_model_that_cannot_be_read_is_refused(tiny_model, monkeypatch):
    path = tiny_model()

    def deny(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", deny)
    with pytest.raises(ModelRefusedError, match="Permission denied"):
        Session.open(path, device="cpu")


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
    monkeypatch.setattr(ort_engine.onnxruntime, "InferenceSession", None)
    with pytest.raises(ModelRefusedError, match="damaged"):
        Session.open(path, device="cpu")


# Devices.


def test_auto_without_a_driver_uses_the_cpu_without_a_note(tiny_model, no_gpu):
    opened = Session.open(tiny_model())
    assert (opened.device, opened.notes) == ("cpu", ())


def test_auto_says_why_a_gpu_is_not_used(tiny_model, monkeypatch):
    monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: "it has CUDA error 999")
    opened = Session.open(tiny_model())
    assert opened.device == "cpu"
    assert opened.notes == ("The GPU is not used: it has CUDA error 999.",)


def test_cpu_needs_no_explanation(tiny_model):
    assert Session.open(tiny_model(), device="cpu").notes == ()


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3"])
def test_cuda_without_a_gpu_is_one_message(tiny_model, no_gpu, device):
    with pytest.raises(DeviceError) as caught:
        Session.open(tiny_model(), device=device)
    assert caught.value.exit_code == 7
    assert NO_DRIVER in str(caught.value)


def test_cuda_that_falls_back_to_the_cpu_is_an_error(tiny_model, driver_only):
    with pytest.raises(DeviceError, match="libraries do not load"):
        Session.open(tiny_model(), device="cuda")


def test_auto_reports_a_gpu_that_cannot_be_used(tiny_model, driver_only):
    opened = Session.open(tiny_model(), device="auto")
    assert opened.provider == "CPUExecutionProvider"
    assert "libraries do not load" in opened.notes[0]


def test_a_failed_try_prints_nothing(tiny_model):
    program = (
        "import sys; from srgan_gp.inference import ort_engine, session\n"
        "ort_engine.why_no_gpu = lambda index: None\n"
        "print(session.Session.open(sys.argv[1], device='auto').device[:3])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tiny_model()], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() in ("cpu", "cud")
    assert done.stderr == ""


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "", "cuda:-1", "cpu:0", "tensorrt:"])
def test_unknown_devices_are_refused(tiny_model, device):
    with pytest.raises(UsageError, match="choose auto, cpu, cuda"):
        Session.open(tiny_model(), device=device)


class FakeDriver:
    """Replacement of libcuda that returns a status and a number of GPUs."""

    def __init__(self, status, count):
        self.status, self.count = status, count

    def cuInit(self, flags):  # noqa: N802 - the driver's name
        return self.status

    def cuDeviceGetCount(self, count):  # noqa: N802 - the driver's name
        count._obj.value = self.count
        return 0


@pytest.mark.parametrize(
    ("status", "count", "index", "reason"),
    [(0, 1, 0, None), (0, 2, 1, None), (0, 1, 1, "reports 1 GPU,"), (0, 2, 5, "reports 2 GPUs,"),
     (100, 0, 0, "CUDA error 100"), (0, 0, 0, "no usable GPU")],
)  # fmt: skip
def test_gpus_are_counted_by_the_driver(monkeypatch, status, count, index, reason):
    monkeypatch.setattr(cuda_driver.ctypes, "CDLL", lambda name: FakeDriver(status, count))
    cuda_driver.find_driver.cache_clear()
    try:
        answer = devices.why_no_gpu(index)
    finally:
        cuda_driver.find_driver.cache_clear()
    assert answer is None if reason is None else reason in answer


def test_a_driver_that_does_not_load_is_reported(monkeypatch):
    def missing(name):
        raise OSError

    monkeypatch.setattr(cuda_driver.ctypes, "CDLL", missing)
    cuda_driver.find_driver.cache_clear()
    try:
        assert "no NVIDIA driver" in devices.why_no_gpu(0)
    finally:
        cuda_driver.find_driver.cache_clear()


@pytest.mark.parametrize("has_affinity", [True, False])
def test_the_default_is_one_thread_for_each_cpu(monkeypatch, has_affinity):
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    monkeypatch.setattr(devices.os, "cpu_count", lambda: 7)
    if not has_affinity:
        monkeypatch.delattr(devices.os, "sched_getaffinity")
    assert devices.choose_threads(None) == (3 if has_affinity else 7)


class FakeCuda:
    """A CPU session that reports CUDA for some of its nodes."""

    def __init__(self, engine, nodes, providers):
        self._engine, self._nodes, self._providers = engine, nodes, providers

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def get_providers(self):
        return self._providers

    def get_provider_graph_assignment_info(self):
        return [
            SimpleNamespace(ep_name=f"{name}ExecutionProvider", get_nodes=lambda n=count: [0] * n)
            for name, count in self._nodes.items()
        ]


@pytest.fixture
def fake_cuda(monkeypatch):
    """A machine with a GPU that runs a given number of nodes; lists the options of providers."""
    asked = []

    def install(*, is_loaded=True, **nodes):
        monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: None)
        started = ort_engine.onnxruntime.InferenceSession

        def start(data, options, providers, **rest):
            engine = started(data, options, providers=["CPUExecutionProvider"], **rest)
            if providers == ["CPUExecutionProvider"]:
                return engine
            asked.append(dict(providers[:-1]))
            loaded = providers if is_loaded else providers[1:]
            names = [one if isinstance(one, str) else one[0] for one in loaded]
            return FakeCuda(engine, nodes, names)

        monkeypatch.setattr(ort_engine.onnxruntime, "InferenceSession", start)
        return asked

    return install


def test_a_gpu_that_runs_all_nodes_is_chosen(tiny_model, fake_cuda):
    fake_cuda(CUDA=9)
    opened = Session.open(tiny_model(), device="auto")
    assert (opened.device, opened.provider) == ("cuda:0", "CUDAExecutionProvider")
    assert opened.notes == ()


def test_nodes_on_the_cpu_are_counted(tiny_model, fake_cuda):
    fake_cuda(CUDA=7, CPU=2)
    opened = Session.open(tiny_model(), device="cuda:1")
    assert opened.device == "cuda:1"
    assert opened.notes == ("2 of the model's 9 operations run on the CPU.",)


def test_a_gpu_that_runs_no_node_is_not_used(tiny_model, fake_cuda):
    fake_cuda(CPU=9)
    with pytest.raises(DeviceError, match="no operation of the model"):
        Session.open(tiny_model(), device="cuda")


def test_tensorrt_is_used_only_on_request(tiny_model, fake_cuda):
    asked = fake_cuda(CUDA=9, Tensorrt=9)
    for device in ("auto", "cuda", "tensorrt:2"):
        opened = Session.open(tiny_model(), device=device)
    assert (opened.device, opened.provider) == ("cuda:2", "TensorrtExecutionProvider")
    assert opened.notes == ()
    assert [list(providers) for providers in asked] == [
        ["CUDAExecutionProvider"], ["CUDAExecutionProvider"],
        ["TensorrtExecutionProvider", "CUDAExecutionProvider"],
    ]  # fmt: skip
    assert {one["device_id"] for one in asked[-1].values()} == {2}


def test_float16_asks_for_its_kernels(tiny_model, fake_cuda):
    asked = fake_cuda(CUDA=9, Tensorrt=9)
    opened = Session.open(tiny_model(), device="tensorrt", precision="float16")
    opened._open_half(True)
    single, half = asked
    assert [one["TensorrtExecutionProvider"]["trt_fp16_enable"] for one in (single, half)] == [0, 1]
    assert [one["CUDAExecutionProvider"]["prefer_nhwc"] for one in (single, half)] == [0, 1]


def test_tensorrt_that_does_not_load_or_run_is_an_error(tiny_model, fake_cuda):
    fake_cuda(CUDA=9, is_loaded=False)
    with pytest.raises(DeviceError, match=r"device tensorrt:0 cannot .* install TensorRT 10\."):
        Session.open(tiny_model(), device="tensorrt")
    fake_cuda(CUDA=9)
    with pytest.raises(DeviceError, match="no operation of the model"):
        Session.open(tiny_model(), device="tensorrt")


def test_an_exception_of_the_gpu_is_one_message(tiny_model, monkeypatch):
    monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: None)
    started = ort_engine.onnxruntime.InferenceSession

    def start(data, options, providers, **rest):
        if providers != ["CPUExecutionProvider"]:
            raise RuntimeError("CUDA error 999\nmore")
        return started(data, options, providers=providers, **rest)

    monkeypatch.setattr(ort_engine.onnxruntime, "InferenceSession", start)
    with pytest.raises(DeviceError, match=r"cannot be used: CUDA error 999\. Choose"):
        Session.open(tiny_model(), device="cuda")


# Errors of ONNX Runtime.


class FailingEngine:
    def __init__(self, text):
        self.text = text

    def get_inputs(self):
        return [type("Input", (), {"name": "image", "shape": ["N", 3, "H", "W"]})]

    def run(self, names, feed, options):
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
        run_ort_session(FailingEngine(text), random_image(), "tiny")


def test_a_memory_error_of_numpy_is_kept(rng):
    class OutOfMemory(FailingEngine):
        def run(self, names, feed, options):
            raise MemoryError

    with pytest.raises(MemoryError):
        run_ort_session(OutOfMemory(""), random_image(), "tiny")


@pytest.mark.parametrize(("device", "arena"), [("cpu", "cpu:0"), ("cuda:1", "gpu:1")])
def test_after_running_out_of_memory_the_arena_is_emptied(tiny_model, device, arena):
    class OutOfMemoryOnce(FailingEngine):
        seen = ()

        def get_providers(self):
            return ["FakeProvider"]

        def run(self, names, feed, options):
            self.seen = (*self.seen, options)
            if len(self.seen) == 1:
                raise RuntimeError(self.text)
            return [feed["image"]]

    engine = OutOfMemoryOnce("std::bad_alloc")
    failing = Session(engine, Session.open(tiny_model(), device="cpu").info, device)
    with pytest.raises(MemoryError):
        failing.run(random_image())
    failing.run(random_image())
    asked = engine.seen[1].get_run_config_entry("memory.enable_memory_arena_shrinkage")
    assert asked == arena


def test_a_failed_allocation_is_a_memory_error(onnx_models, tmp_path):
    """In a separate process, whose memory is limited to a little more than it uses."""
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


def test_an_installed_model_does_not_need_onnx(tiny_model, onnx_models):
    path = tiny_model()
    onnx_models.write_card(path)
    program = (
        "import sys; sys.modules['onnx'] = sys.modules['torch'] = sys.modules['cv2'] = None\n"
        "from srgan_gp.inference.session import Session; Session.open('tiny', device='cpu')"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={"SRGAN_GP_MODELS": str(path.parent)}
    )


# A real GPU.


@pytest.mark.gpu
def test_gpu_and_cpu_give_the_same_result(tiny_model):
    image = random_image(64, 48)
    on_gpu = Session.open(tiny_model(), device="cuda")
    assert (on_gpu.device, on_gpu.provider) == ("cuda:0", "CUDAExecutionProvider")
    expected = Session.open(tiny_model(), device="cpu").run(image)
    np.testing.assert_allclose(on_gpu.run(image), expected, atol=1 / 255 / 2)


@pytest.mark.gpu
def test_auto_uses_the_gpu(tiny_model):
    assert Session.open(tiny_model()).device == "cuda:0"


@pytest.mark.gpu
def test_a_missing_gpu_is_an_error(tiny_model):
    with pytest.raises(DeviceError, match="numbered from 0"):
        Session.open(tiny_model(), device="cuda:99")


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_a_number_of_threads_out_of_range_is_refused(tiny_model, threads):
    message = f"4 for each CPU that this process may use, not {threads}"
    with pytest.raises(UsageError, match=message):
        Session.open(tiny_model(), device="cpu", threads=threads)


def test_nothing_is_stored_in_the_home_folder(tiny_model, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    program = "import sys; from srgan_gp import Upscaler; Upscaler.load(sys.argv[1], device='cpu')"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": "", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", program, tiny_model()], env=environment, check=True)
    assert list(home.rglob("*")) == []


def test_a_device_and_a_look_may_have_capitals(tiny_model):
    assert Session.open(tiny_model(), device="CPU", threads=1).device == "cpu"
    assert devices.parse_device("CUDA:1") == devices.DeviceRequest("cuda", 1)
    assert fidelity_of_look("Crisp", None, "photo-x4") == 0
