"""Cards, ONNX files, int8 networks, refusals, and files that are written together."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from srgan_gp.errors import ModelRefusedError, OutputError, UsageError
from srgan_gp.exporting.memory_measurement import measure_bytes_per_pixel
from srgan_gp.importing import import_model as importing
from srgan_gp.importing.import_model import import_model
from srgan_gp.importing.measurements import has_float16
from srgan_gp.importing.source_file import read_source
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import read_card
from srgan_gp.system.files import commit

pytestmark = pytest.mark.usefixtures("quick_measurements", "models")


@pytest.fixture
def graph(tmp_path, onnx_models):
    """Write an ONNX file without metadata; return its path."""

    def write(model=None, name="theirs.onnx"):
        path = tmp_path / name
        model = onnx_models.convolutional() if model is None else model
        path.write_bytes(model.SerializeToString())
        return path

    return write


def test_the_card_names_the_file_and_what_is_unknown(weight_file):
    path = weight_file()
    card = read_card(import_model(path, "mine"))
    assert card.imported.file == path.name
    assert card.imported.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (card.licence, card.version) == ("unknown", "unknown")
    assert card.architecture == "Compact" and card.scale == 2
    assert card.imported.seconds_per_megapixel > 0
    assert card.imported.has_float16
    assert not card.scores


def test_the_licence_of_the_option_is_used_before_all_others(weight_file):
    path = weight_file(suffix=".safetensors", metadata={"modelspec.license": "MIT"})
    assert read_card(import_model(path, "theirs")).licence == "MIT"
    assert read_card(import_model(path, "mine", licence="CC0-1.0")).licence == "CC0-1.0"


def entry(**changes):
    return {
        "name": "2x-Test", "author": ["an author", "another"], "license": "CC-BY-4.0",
        "description": "For\nphotos.", "date": "2024-05-06", "dataset": "a data set",
        "resources": [],
    } | changes  # fmt: skip


def test_the_entry_of_openmodeldb_beside_a_file_is_read(weight_file):
    path = weight_file()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    resources = [{"sha256": sha256.upper(), "type": "pth"}]
    path.with_suffix(".json").write_text(json.dumps(entry(resources=resources)))
    card = read_card(import_model(path, "mine"))
    assert (card.licence, card.version) == ("CC-BY-4.0", "2024-05-06")
    assert card.summary.endswith("For photos.")
    [data] = card.data
    assert data.what == "a data set" and "an author, another" in data.attribution


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (json.dumps(entry(resources=[{"sha256": "0" * 64}])), "another SHA-256"),
        ('{"a": 1}', "not the entry"),
        ("[", "Expecting value"),
        ("[" * 100_000, "recursion"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_an_entry_that_does_not_fit_is_reported_and_not_used(weight_file, text, reason):
    path = weight_file()
    path.with_suffix(".json").write_text(text)
    with pytest.warns(UserWarning, match=f"is not used: .*{reason}"):
        card = read_card(import_model(path, "mine"))
    assert card.licence == "unknown"


def test_an_onnx_file_is_copied_with_metadata(graph, models, rng):
    path = graph()
    card = read_card(import_model(path, "mine"))
    assert card.imported.tiling == "exact" and card.imported.torch_difference is None
    before, after = onnx.load(path), onnx.load(models / "mine.onnx")
    assert after.graph.node == before.graph.node
    assert after.graph.initializer == before.graph.initializer
    session = Session.open("mine", device="cpu")
    assert session.info.source == "metadata"
    assert (session.info.scale, session.info.overlap) == (2, 3)
    pixels = rng.random((20, 31, 3), dtype=np.float32)
    with pytest.MonkeyPatch.context():
        direct = Upscaler.load(path, device="cpu").upscale(pixels)
    assert np.array_equal(Upscaler.load("mine", device="cpu").upscale(pixels), direct)


def test_metadata_of_an_onnx_file_is_measured_again(graph, onnx_models):
    model = onnx_models.with_metadata(onnx_models.convolutional(), overlap="0", scale="2")
    import_model(graph(model), "mine")
    assert Session.open("mine", device="cpu").info.overlap == 3


def external(model):
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    return model


def custom(model):
    model.graph.node[0].domain = "com.example"
    return model


def fixed(model):
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 64
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, r"other files .*onnx\.save_model"),
        (custom, "custom operator"),
        (fixed, "only images of"),
    ],
)
def test_an_unsafe_or_fixed_graph_is_refused(change, message, graph, onnx_models, models):
    with pytest.raises(ModelRefusedError, match=message):
        import_model(graph(change(onnx_models.convolutional())), "mine")
    assert not models.exists()


def test_a_face_generator_is_refused(tiny_face_model, models):
    with pytest.raises(ModelRefusedError, match="generates faces"):
        import_model(tiny_face_model(), "mine")
    assert not models.exists()


def test_a_damaged_graph_is_refused(graph, models):
    path = graph()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelRefusedError):
        import_model(path, "mine")
    assert not models.exists()


def test_a_large_file_is_refused(graph, monkeypatch):
    monkeypatch.setattr("srgan_gp.importing.source_file.MAX_BYTES", 100)
    with pytest.raises(UsageError, match="more than 100"):
        read_source(graph())


@pytest.fixture
def photos(tmp_path, rng):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        pixels = rng.integers(0, 256, (60, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return str(folder)


def test_photos_make_an_int8_network(weight_file, photos, models, rng):
    card = read_card(import_model(weight_file(), "mine", photos=[photos]))
    assert card.int8 is not None and (models / "mine.int8.onnx").is_file()
    pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    upscaler = Upscaler.load("mine", device="cpu", precision="int8")
    assert upscaler.upscale(pixels).shape == (40, 40, 3)


def test_without_photos_a_message_says_how_to_get_an_int8_network(weight_file):
    import_model(weight_file(), "mine")
    with pytest.raises(UsageError, match="Import it again with --photos"):
        Upscaler.load("mine", device="cpu", precision="int8")


def test_a_graph_that_cannot_be_quantised_is_installed_without(graph, onnx_models, photos):
    model = onnx_models.convolutional([onnx_models.layer(3)])
    with pytest.warns(UserWarning, match="no int8 network: it has no convolution between"):
        card = read_card(import_model(graph(model), "mine", photos=[photos]))
    assert card.int8 is None


def test_photos_without_images_are_refused(weight_file, tmp_path, models):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        import_model(weight_file(), "mine", photos=[str(tmp_path / "empty")])
    assert not models.exists()


def test_float16_is_refused_where_the_graph_does_not_run_in_it(weight_file, monkeypatch):
    monkeypatch.setattr(importing, "has_float16", lambda *_: False)
    import_model(weight_file(), "mine")
    with pytest.raises(ModelRefusedError, match=r"cannot run in float16.*the precision float32"):
        Session.open("mine", precision="float16")


def test_a_graph_that_float16_cannot_represent_has_none(onnx_models):
    model = onnx_models.convolutional()
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0]) * 1e7
    name = model.graph.initializer[0].name
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, name))
    info = ModelInfo("a", "super-resolution", 2, 3, 1, "metadata")
    assert not has_float16(model.SerializeToString(), info)
    assert has_float16(onnx_models.convolutional().SerializeToString(), info)


@pytest.mark.parametrize("failing", ["mine.onnx", "mine.int8.onnx", "mine.toml"])
@pytest.mark.parametrize("step", ["write_staged", "commit"])
def test_nothing_is_left_where_a_file_cannot_be_written(
    failing, step, weight_file, photos, models, monkeypatch
):
    real = getattr(importing, step)

    def fail(first, *rest):
        if getattr(first, "target", first).name == failing:
            raise OutputError("the disk is full")
        return real(first, *rest)

    monkeypatch.setattr(importing, step, fail)
    with pytest.raises(OutputError):
        import_model(weight_file(), "mine", photos=[photos])
    assert list(models.iterdir()) == []


def test_the_old_files_stay_where_one_cannot_be_replaced(tmp_path, monkeypatch):
    old = {"a.onnx": b"old network", "a.toml": b"old card"}
    importing.write_together(tmp_path, old)

    def fail(staged):
        if staged.target.name == "a.toml":
            raise OutputError("the disk is full")
        commit(staged)

    monkeypatch.setattr(importing, "commit", fail)
    with pytest.raises(OutputError):
        importing.write_together(tmp_path, {"a.onnx": b"new", "a.toml": b"new"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old


def test_the_memory_of_an_image_of_another_side_is_measured(tiny_model):
    assert measure_bytes_per_pixel(tiny_model(), 64) > 0


@pytest.mark.slow
def test_the_packages_of_the_extra_suffice(weight_file, photos, models):
    """The extra brings none of the packages below; torchvision comes with spandrel."""
    program = (
        "import sys\n"
        "for name in ('kornia', 'skimage', 'tensorboard', 'gradio', 'fastapi', 'ray', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "from srgan_gp.cli import main\n"
        f"sys.exit(main(['import', {str(weight_file())!r}, '--name', 'mine', '--photos', "
        f"{photos!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0
    assert (models / "mine.int8.onnx").is_file()
