"""Problems that `diagnose` finds, and the report of `srgan-gp doctor`."""

import hashlib
import json
import re
import sys
from importlib.metadata import version

import pytest

from srgan_gp.cli import main
from srgan_gp.diagnosis import diagnose as diagnosis
from srgan_gp.diagnosis.installed_models import describe_helper_networks
from srgan_gp.diagnosis.installed_packages import missing_packages


@pytest.fixture
def tiny(tiny_model, onnx_models, monkeypatch):
    """Install `tiny` and no shipped model, so that a trial run takes no time."""
    path = tiny_model()
    onnx_models.write_card(path)
    folders = (path.parent, path.parent)
    monkeypatch.setattr("srgan_gp.models.catalog.model_folders", lambda: folders)
    return path


def run_doctor(capsys, *words):
    code = main(["doctor", "-n", "tiny", "--device", "cpu", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_this_installation_has_no_problem(tiny, capsys):
    code, facts = run_doctor(capsys)
    assert (code, facts["problems"]) == (0, [])
    assert facts["version"] == version("srgan-gp")
    assert facts["packages"]["numpy"] == version("numpy")
    assert facts["missing_of_extras"]["train"] == []
    trial = facts["trial"]
    assert (trial["device"], trial["precision"]) == ("cpu", "float32")
    assert trial["provider"] == "CPUExecutionProvider"
    assert trial["megapixels_per_second"] == pytest.approx(256**2 / trial["seconds"] / 1e6, rel=0.1)
    digest = hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert [(m["name"], m["sha256"], m["problem"]) for m in facts["models"]] == [
        ("tiny", digest, None)
    ]


def test_the_text_has_one_line_for_each_fact(tiny, capsys):
    assert main(["doctor", "-n", "tiny", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"srgan-gp {version('srgan-gp')}, Python ")
    assert lines[-1] == "no problem found"
    for start in ("packages: ", "extra app: complete", "ONNX Runtime imported: onnxruntime",
                  "CPU: ", "NVIDIA driver: ", "trial run: tiny on cpu", "model tiny, version ",
                  "helper network YuNet"):  # fmt: skip
        assert [line for line in lines if line.startswith(start)], start
    assert any(re.match(r"trial run: float32, \d+\.\d{3} s, ", line) for line in lines)


def test_two_builds_of_onnxruntime_are_a_problem(tiny, install_package, capsys):
    install_package("onnxruntime", "1.30.0")
    install_package("onnxruntime-gpu", "1.31.1")
    code, facts = run_doctor(capsys)
    assert code == 3
    assert set(facts["onnxruntime_builds"]) == {"onnxruntime", "onnxruntime-gpu"}
    [problem] = facts["problems"]
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in problem


def test_a_damaged_model_is_a_problem(tiny, capsys):
    tiny.write_bytes(tiny.read_bytes() + b"x")
    code, facts = run_doctor(capsys)
    assert code == 3
    assert facts["trial"].keys() == {"problem"}
    assert "damaged" in facts["problems"][0]
    assert facts["problems"][1] == "The model tiny does not have the SHA-256 of its card."
    assert main(["doctor", "-n", "tiny", "--device", "cpu"]) == 3
    printed = capsys.readouterr().out
    assert "problem: The trial run failed: " in printed
    assert "SHA-256 " in printed
    assert "no problem found" not in printed


def test_a_card_that_cannot_be_read_is_a_problem(tiny, capsys):
    card = tiny.with_suffix(".toml")
    card.write_text("name = ")
    _, facts = run_doctor(capsys)
    assert any(str(card.name) in problem for problem in facts["problems"])


def test_a_gpu_that_onnxruntime_cannot_use_is_a_problem(tiny, fake_driver, monkeypatch, capsys):
    fake_driver(version=12040)
    runtime = diagnosis.describe_onnxruntime() | {"cuda": "13.0"}
    runtime |= {"cuda_problem": "libcurand.so.10: missing", "import_problem": None}
    monkeypatch.setattr(diagnosis, "describe_onnxruntime", lambda: runtime)
    code, facts = run_doctor(capsys)
    assert code == 3
    assert facts["driver"]["gpus"][0]["name"] == "Fake GPU 0"
    old_driver, libraries = facts["problems"]
    assert "supports CUDA 12.4, and ONNX Runtime needs 13.0" in old_driver
    assert "libcurand.so.10" in libraries
    assert main(["doctor", "-n", "tiny", "--device", "cpu"]) == 3
    assert "GPU 0: Fake GPU 0, compute capability 9.0, memory 64.4 GB free" in (
        capsys.readouterr().out
    )


def test_an_onnxruntime_that_cannot_be_imported_is_the_only_problem_beside_the_trial(
    tiny, fake_driver, monkeypatch, capsys
):
    fake_driver()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    _, facts = run_doctor(capsys)
    imported, *others = facts["problems"]
    assert imported.startswith("ONNX Runtime cannot be imported: ")
    # The trial does not fail if an earlier test has imported the engine.
    assert all(problem.startswith("The trial run failed: ") for problem in others)


def test_what_a_machine_without_a_gpu_lacks_is_no_fault(tiny, monkeypatch, capsys):
    runtime = diagnosis.describe_onnxruntime() | {"cuda": "13.0"}
    runtime |= {"cuda_problem": "libcurand.so.10: missing", "import_problem": None}
    driver = {"driver_cuda": None, "gpus": [], "problem": "none"}
    monkeypatch.setattr(diagnosis, "describe_onnxruntime", lambda: runtime)
    monkeypatch.setattr(diagnosis, "describe_gpus", lambda: driver)
    monkeypatch.setattr(diagnosis, "missing_packages", lambda extra: ["a-package"])
    assert main(["doctor", "-n", "tiny", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "extra train: optional, without a-package" in lines
    hint = "CUDA libraries: libcurand.so.10: missing (only needed for an NVIDIA GPU)"
    assert hint in lines
    assert [line for line in lines if re.match("trial run: a photo of 12 megapixels takes ", line)]


def test_a_build_without_cuda_beside_a_gpu_is_a_problem(tiny, fake_driver, monkeypatch, capsys):
    fake_driver()
    runtime = diagnosis.describe_onnxruntime() | {"cuda": None, "cuda_problem": None}
    monkeypatch.setattr(diagnosis, "describe_onnxruntime", lambda: runtime)
    _, facts = run_doctor(capsys)
    [problem] = facts["problems"]
    assert "has no CUDA" in problem


def test_the_home_folder_is_not_printed(tiny, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tiny.parent))
    tiny.with_name("yunet.onnx").write_bytes(b"face detector")
    monkeypatch.setattr("srgan_gp.models.helper_networks.model_folders", lambda: (tiny.parent,) * 2)
    for words in ([], ["--json"]):
        assert main(["doctor", "-n", "tiny", "--device", "cpu", *words]) == 0
        printed = capsys.readouterr().out
        assert str(tiny.parent) not in printed
        assert "~/yunet.onnx" in printed


def test_helper_networks_are_found_with_their_hash(tmp_path, monkeypatch):
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    yunet, squeezenet = describe_helper_networks()
    assert yunet["path"] is None
    assert squeezenet["sha256"].startswith("e3b0c44298fc")  # SHA-256 of nothing


def test_missing_packages_of_an_extra_are_named(monkeypatch):
    monkeypatch.setattr(
        "srgan_gp.diagnosis.installed_packages.requires",
        lambda name: [
            'numpy>=2.1; extra == "app"', 'not-there[x]>=1; extra == "app"', "gone>=1",
            'b; extra == "ray"',
        ],
    )  # fmt: skip
    assert missing_packages("app") == ["not-there"]


def test_numpy_that_cannot_be_imported_is_a_problem(tiny, capsys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "numpy", None)  # `import numpy` raises ModuleNotFoundError
    code, facts = run_doctor(capsys)
    assert code == 3
    assert facts["trial"].keys() == {"problem"}
    assert any(p.startswith("The trial run failed: ModuleNotFound") for p in facts["problems"])


def test_doctor_does_not_import_torch_or_gradio(tiny, capsys):
    import subprocess
    import sys

    program = (
        "import sys; from srgan_gp.diagnosis.installed_packages import *\n"
        "from srgan_gp.diagnosis import diagnose\n"
        "[missing_packages(extra) for extra in EXTRAS]\n"
        "assert not {'torch', 'gradio', 'ray', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
