"""Two processes make the run that one makes: torchrun on gloo, 20 steps in float32."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from srgan_gp.errors import UsageError
from srgan_gp.training.distributed import Processes, device_of_this_process
from srgan_gp.training.options.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
# "sgd": Adam divides by the size of the gradient, so that it hides a sum in place of a mean.
# "summed": sgd, and the sum planted.
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from srgan_gp.training.loop import train
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.distributed import Processes

data, run_dir, kind = sys.argv[1:]
if kind != "adam":
    torch.optim.Adam = lambda parameters, lr, betas, fused: torch.optim.SGD(parameters, lr)
if kind == "summed":
    average = Processes.average_gradients
    def summed(self, network):
        average(self, network)
        for parameter in network.parameters():
            parameter.grad *= self.count
    Processes.average_gradients = summed
config = replace(
    PRESETS["tiny-gan"], total_images=80, critic_warmup_images=8, critic_steps=1, threads=1,
    device="cpu", checkpoint_images=80, validate_images=80,
)
train(config, [data], Path(run_dir), validation=data)
"""


@pytest.fixture(scope="module")
def textured(tmp_path_factory):
    """A folder of noise: smooth pictures put a critic on the kink of its LeakyReLU everywhere."""
    folder = tmp_path_factory.mktemp("textured")
    for n in range(4):
        pixels = np.random.default_rng(n).integers(0, 256, (64, 72, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


def weights_after(processes, folder, pictures, kind):
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"]
    program = folder / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [
            sys.executable, *(launcher if processes > 1 else []), str(program), str(pictures),
            str(folder / "run"), kind,
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return load_file(folder / "run" / "checkpoints" / "image-000000080.safetensors")


def largest_relative_difference(one, two):
    """Largest difference of two weights, relative to the largest weight of their network."""
    found = []
    for network in ("generator.", "critic."):
        names = [name for name in one if name.startswith(network)]
        largest = max(one[name].abs().max() for name in names)
        found += [(one[name] - two[name]).abs().max() / largest for name in names]
    return max(found).item()


@pytest.fixture(scope="module")
def alone(tmp_path_factory, textured):
    """Weights of a run of one process, by kind."""
    return {
        kind: weights_after(1, tmp_path_factory.mktemp(kind), textured, kind)
        for kind in ("adam", "sgd")
    }


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_two_processes_are_one(alone, textured, tmp_path, kind):
    both = weights_after(2, tmp_path, textured, kind)
    assert largest_relative_difference(alone[kind], both) <= 1e-5


def test_a_summed_gradient_is_found_out(alone, textured, tmp_path):
    both = weights_after(2, tmp_path, textured, "summed")
    assert largest_relative_difference(alone["sgd"], both) > 1e-4


def test_shares_are_disjoint_and_make_the_whole(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    found = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        found += Processes(torch.device("cpu")).share(100, 12)
    assert found == list(range(100, 112))


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="A batch of 5 images cannot be shared by 2 processes"):
        Processes(torch.device("cpu")).share(0, 5)


@pytest.mark.parametrize(
    ("changes", "images_seen", "message"),
    [
        ({"batch_size": 5}, 0, "A batch of 5 images cannot be shared by 2"),
        ({"total_images": 67}, 0, "A batch of 3 images cannot be shared by 2"),
        ({"total_images": 66}, 0, "A batch of 2 images over 2 .* 1 to each.* multiples of 4"),
        ({"batch_size": 6}, 0, "A batch of 6 images over 2 .* 3 to each.* multiples of 4"),
        ({"penalty_every": 3}, 0, "A batch of 4 images over 2 .* 2 to each.* multiples of 6"),
        ({"total_images": 68}, 62, "A batch of 2 images over 2"),  # made longer after a short batch
    ],
)
def test_a_batch_that_would_differ_on_two_processes_is_refused_at_the_start(
    monkeypatch, changes, images_seen, message
):
    config = replace(PRESETS["tiny-gan"], **changes)
    Processes(torch.device("cpu")).require_even_shares(config, images_seen)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match=message):
        Processes(torch.device("cpu")).require_even_shares(config, images_seen)


@pytest.mark.parametrize(
    "changes", [{}, {"batch_size": 6, "penalty_every": 3}, {"batch_size": 6, "penalty_every": 1}]
)
def test_batches_that_are_the_same_on_two_processes_pass(monkeypatch, changes):
    monkeypatch.setenv("WORLD_SIZE", "2")
    config = replace(PRESETS["tiny-gan"], **{"total_images": 60} | changes)
    Processes(torch.device("cpu")).require_even_shares(config, 0)
    Processes(torch.device("cpu")).require_even_shares(config, 60)  # a finished run


def test_without_a_critic_shares_need_not_suit_the_penalty(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    config = replace(PRESETS["tiny"], batch_size=6, total_images=66)
    Processes(torch.device("cpu")).require_even_shares(config, 0)


@pytest.mark.parametrize(
    ("name", "has_gpu", "expected"),
    [
        ("auto", True, "cuda:1"), ("auto", False, "cpu"), ("cuda", False, "cuda:1"),
        ("cpu", True, "cpu"), ("cuda:0", True, "cuda:0"),
    ],
)  # fmt: skip
def test_each_process_has_its_own_gpu(monkeypatch, name, has_gpu, expected):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    assert device_of_this_process(name) == expected


def test_without_torchrun_names_stay(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert device_of_this_process("auto") == "auto"
