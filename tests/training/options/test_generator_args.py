"""`generator_args`: a new generator is one file, and its constructor gives the options."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch

import srgan_gp.networks.generators
from srgan_gp.cli import main
from srgan_gp.errors import UsageError
from srgan_gp.exporting.export import export, load_run
from srgan_gp.finetuning.finetune_source import find_source
from srgan_gp.networks import build
from srgan_gp.networks.signatures import arguments_of, task_of
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import list_differences, load_config, save_config
from srgan_gp.training.options.presets import PRESETS, resolve
from srgan_gp.training.start_weights import load_weights

DILATED = """
from torch import nn
from torch.nn import functional as F

WIDE = 6


class Generator(nn.Module):
    task = "super-resolution"

    def __init__(
        self, scale: int = 4, dilation: int = 2, *, channels: int = WIDE, gain: float = 1,
        residual: bool = True, padding: str = "zeros",
    ) -> None:
        super().__init__()
        self.scale, self.gain, self.residual = scale, gain, residual
        self.first = nn.Conv2d(
            3, channels, 3, padding=dilation, dilation=dilation, padding_mode=padding
        )
        self.tail = nn.Sequential(
            nn.Conv2d(channels, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    def forward(self, low_res):
        found = self.gain * self.tail(F.relu(self.first(low_res)))
        if self.residual:
            found = found + F.interpolate(low_res, scale_factor=float(self.scale), mode="nearest")
        return found
"""


@pytest.fixture
def new_file(tmp_path, monkeypatch):
    """Writes a file into a folder that counts as networks/generators; gives its path."""
    folder = tmp_path / "generators"
    folder.mkdir()
    places = srgan_gp.networks.generators.__path__
    places.append(str(folder))

    def write(text, name="dilated"):
        (folder / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, f"srgan_gp.networks.generators.{name}", raising=False)
        return folder / f"{name}.py"

    yield write
    places.remove(str(folder))
    for name in [n for n in sys.modules if n.startswith("srgan_gp.networks.generators.")]:
        if name.rpartition(".")[2] in {file.stem for file in folder.glob("*.py")}:
            monkeypatch.delitem(sys.modules, name)


def test_the_signature_gives_names_types_and_defaults(new_file):
    new_file(DILATED)
    found = {n: (a.kind, a.default) for n, a in arguments_of("dilated").items()}
    assert found == {
        "scale": (int, 4), "dilation": (int, 2), "channels": (int, 6), "gain": (float, 1.0),
        "residual": (bool, True), "padding": (str, "zeros"),
    }  # fmt: skip
    assert task_of("dilated") == "super-resolution"


def test_one_file_is_trained_exported_and_fine_tuned_with_its_own_argument(
    new_file, pictures, tmp_path, capsys
):
    new_file(DILATED)
    words = ["train", "--preset", "tiny", "--data", str(pictures), "--device", "cpu"]
    first, second = tmp_path / "first", tmp_path / "second"
    words += ["--total-images", "16"]
    own = ["--generator", "dilated", "--generator-args", "dilation=3", "residual=false"]
    assert main([*words, *own, "-o", str(first)]) == 0
    card = export(first, "mine", tmp_path / "models")
    model = card.with_suffix(".onnx")
    metadata = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    assert metadata["architecture"] == "dilated"
    assert metadata["overlap"] == "4"  # dilation 3, and the tail's 1
    assert json.loads(metadata["arguments"]) == {
        "scale": 4, "dilation": 3, "channels": 6, "gain": 1.0, "residual": False,
        "padding": "zeros",
    }  # fmt: skip
    source = find_source(str(model))
    assert source.options["generator"] == "dilated"
    network = build("generators", "dilated", **json.loads(metadata["arguments"]))
    load_weights(network, model)
    expected = load_run(first)[1]
    image = torch.rand(1, 3, 9, 9)
    assert torch.equal(network(image), expected(image))

    capsys.readouterr()
    assert main([*words, "--start-from", str(model), "-o", str(second)]) == 0
    config = load_config(second / "config.json")
    assert (config.generator, config.generator_args) == (
        "dilated", ("dilation=3", "channels=6", "gain=1.0", "residual=false", "padding=zeros"),
    )  # fmt: skip


def test_a_model_of_twice_the_scale_starts_a_run_with_the_means_of_its_pixels(
    gan_run, tmp_path, pictures, capsys
):
    model = export(gan_run, "four", tmp_path).with_suffix(".onnx")
    words = ["train", "--preset", "tiny", "--data", str(pictures), "--device", "cpu"]
    words += ["--start-from", str(model), "--total-images", "4"]
    assert main([*words, "--scale", "2", "-o", str(tmp_path / "two")]) == 0
    assert f"{model} enlarges x4, this run x2: its last layer" in capsys.readouterr().err
    arguments = {"width": 8, "blocks": 2}
    network = build("generators", "srresnet", scale=2, **arguments)
    load_weights(network, model)
    four = build("generators", "srresnet", scale=4, **arguments)
    load_weights(four, model)
    image = torch.rand(1, 3, 9, 10)
    expected = torch.nn.functional.avg_pool2d(four(image), 2)
    torch.testing.assert_close(network(image), expected, rtol=0, atol=1e-6)

    with pytest.raises(UsageError, match=r"holds another network: 2 tensors differ, such as tail"):
        load_weights(build("generators", "srresnet", scale=3, **arguments), model)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("depth=3", r"takes no argument 'depth'; it takes width=48, blocks=12, tail=direct"),
        ("width", "NAME=VALUE, not 'width'"),
        ("width=wide", "width of srresnet takes a whole number, not 'wide'"),
        ("width=1.5", "takes a whole number"),
        ("scale=2", "scale is an option of its own: --scale"),
    ],
)
def test_an_argument_that_makes_no_sense_is_one_message(args, text, capsys):
    with pytest.raises(UsageError, match=text):
        TrainConfig(generator_args=(args,))
    assert main(["train", "--data", "x", "--dry-run", "--generator-args", args]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_argument_is_given_once():
    with pytest.raises(UsageError, match="width of srresnet is given twice"):
        TrainConfig(generator_args=("width=8", "width=8"))


@pytest.mark.parametrize("text", ["x = 1", "class Generator: pass", DILATED.replace(": int", "")])
def test_a_file_that_cannot_be_read_says_what_it_lacks(new_file, text):
    path = new_file(text, "odd")
    with pytest.raises(UsageError, match=f"{path}.*Generator"):
        arguments_of("odd")


def test_a_text_for_true_or_false_is_one_of_both(new_file):
    new_file(DILATED)
    with pytest.raises(UsageError, match="residual of dilated takes true or false, not 'maybe'"):
        TrainConfig(generator="dilated", generator_args=("residual=maybe",))


def test_what_is_left_out_keeps_the_value_of_the_preset_or_of_another_generator_its_default():
    merged = resolve("tiny", {"generator_args": ["width=6"]})
    assert merged.generator_args == ("width=6", "blocks=2", "tail=direct")
    other = resolve("tiny", {"generator": "span"})
    assert other.generator_args == ("width=48", "blocks=6", "tail=direct")


def test_options_of_an_earlier_version_are_read_and_resume(tmp_path):
    config = PRESETS["tiny"]
    save_config(config, tmp_path / "config.json")
    values = json.loads((tmp_path / "config.json").read_text())
    del values["generator_args"]
    values |= {"width": 8, "blocks": 2, "tail": "direct"}
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert load_config(tmp_path / "config.json") == config
    assert list_differences(config, load_config(tmp_path / "config.json")) == []


def test_the_options_of_an_earlier_run_of_faces_leave_out_what_its_generator_never_took(tmp_path):
    save_config(PRESETS["tiny-faces"], tmp_path / "config.json")
    values = json.loads((tmp_path / "config.json").read_text())
    del values["generator_args"]
    values |= {"width": 4, "blocks": 12, "tail": "direct"}
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert load_config(tmp_path / "config.json") == PRESETS["tiny-faces"]


@pytest.mark.filterwarnings("always::FutureWarning")
def test_an_option_of_an_earlier_version_works_and_warns(capsys):
    words = ["train", "--preset", "tiny", "--data", "x", "--dry-run", "--width", "24"]
    assert main([*words, "--tail", "staged"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["generator_args"] == ["width=24", "blocks=2", "tail=staged"]
    assert "write --generator-args width=24 tail=staged" in said.err


def test_a_model_for_another_task_is_refused(tmp_path, capsys):
    from safetensors.torch import save_file

    metadata = {"task": "face-generation", "architecture": "face_resnet", "arguments": "{}"}
    save_file({"weight": torch.zeros(2)}, tmp_path / "face.safetensors", metadata)
    words = [
        "train",
        "--data",
        "x",
        "--dry-run",
        "--start-from",
        str(tmp_path / "face.safetensors"),
    ]
    assert main(words) == 2
    assert "model for face-generation" in capsys.readouterr().err


def test_what_was_typed_wins_over_the_model_to_start_from(capsys):
    model = str(Path(__file__).parents[3] / "weights" / "classic-x4.onnx")
    words = ["train", "--preset", "tiny", "--data", "x", "--dry-run", "--start-from", model]
    assert main(words) == 0
    config = json.loads(capsys.readouterr().out)
    assert config["generator_args"] == ["width=48", "blocks=12", "tail=direct"]
    assert config["patch_sizes"] == [8]
    words += ["--generator-args", "blocks=3", "--patch-sizes", "16", "--scale", "2"]
    assert main(words) == 0
    config = json.loads(capsys.readouterr().out)
    assert config["generator_args"] == ["width=48", "blocks=3", "tail=direct"]
    assert (config["patch_sizes"], config["scale"]) == ([16], 2)


def test_options_of_a_command_line_are_those_of_the_run_that_it_resumes():
    options = {"patch_sizes": [16], "generator_args": ["blocks=3"]}
    config = resolve("tiny", options)
    assert config == replace(
        PRESETS["tiny"], patch_sizes=(16,), generator_args=("width=8", "blocks=3")
    )


def test_a_resumed_run_needs_the_model_no_more(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    earlier = replace(PRESETS["tiny"], generator_args=("width=4", "blocks=1"))
    save_config(earlier, run / "config.json")
    words = ["train", "--preset", "tiny", "--data", "x", "--dry-run", "-o", str(run)]
    assert main([*words, "--start-from", str(tmp_path / "gone.onnx")]) == 0
    found = json.loads(capsys.readouterr().out)["generator_args"]
    assert found == list(earlier.generator_args)


def test_help_lists_generators_and_their_arguments_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from srgan_gp.cli import main; main(['train', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    text = " ".join(done.stdout.split())
    assert "span: width=48 blocks=6 tail=direct" in text
    assert "face_resnet: width=32;" in text
