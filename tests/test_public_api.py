"""The public API as a programmer meets it: names, help, examples in the docstring, the notebook."""

import ast
import inspect
import io
import json
import pydoc
import re
import shutil
import textwrap
import typing
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import srgan_gp
from srgan_gp import FaceGenerator, FaceOptions, FaceResult, ModelCard, Picture, Upscaler
from srgan_gp.images.picture import Array
from srgan_gp.inference.session import Session

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "guides" / "python.ipynb"


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """The current folder, with small images under the names of the examples."""
    here = tmp_path / "docs" / "guides"
    names = ["photo.jpg", "logo.png"]
    names += [f"../../apps/examples/{name}" for name in ("cat.png", "coffee.jpg", "astronaut.jpg")]
    for name in names:
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (48, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels[:16, :24] if "/" not in name else pixels).save(path)
    monkeypatch.chdir(here)
    return here


def test_dir_lists_the_public_names():
    assert dir(srgan_gp) == sorted([*srgan_gp.__all__, "__version__"])


def test_help_describes_every_public_name():
    text = pydoc.plain(pydoc.render_doc(srgan_gp))
    table = srgan_gp.__doc__.partition("The public names:")[2]
    for name in srgan_gp.__all__:
        assert f"\n    {name} " in table
        assert re.search(rf"^    (class )?{name}\(", text, re.MULTILINE), name


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: srgan_gp.read_image("missing.png"), "PictureError"),
        (lambda: Upscaler.load(device="gpu"), "UsageError"),
        (lambda: Upscaler.load("missing"), "ModelRefusedError"),
        (lambda: srgan_gp.FaceOptions(strength=2), "UsageError"),
    ],
)
def test_every_error_of_a_call_is_a_public_name(call, name):
    assert name in srgan_gp.__all__
    with pytest.raises(getattr(srgan_gp, name)) as caught:
        call()
    assert type(caught.value).__name__ == name


def attributes_in_help(kind):
    section = kind.__doc__.partition("Attributes:\n")[2].partition("\n\n")[0]
    return re.findall(r"^ {8}(\w+): ", section, re.MULTILINE)


@pytest.mark.parametrize(
    "kind", [ModelCard, srgan_gp.UpscaleReport, Picture, FaceOptions, FaceResult, srgan_gp.Score]
)
def test_help_describes_every_field(kind):
    assert attributes_in_help(kind) == [field.name for field in fields(kind)]


def public_objects():
    """Yield the name and the object of each public function and class, and of their methods."""
    for name in srgan_gp.__all__:
        value = getattr(srgan_gp, name)
        yield name, value
        for member in dir(value) if inspect.isclass(value) else ():
            method = inspect.getattr_static(value, member)
            method = getattr(method, "__func__", getattr(method, "fget", method))
            if inspect.isfunction(method) and (member == "__init__" or member[0] != "_"):
                yield f"{name}.{member}", method


def test_the_type_hints_of_every_public_object_can_be_resolved():
    hints = {name: typing.get_type_hints(value) for name, value in public_objects()}
    assert hints["Upscaler.load"]["faces"] == FaceOptions | float | None
    assert hints["write_image"]["picture"] == Picture | Array | Image.Image
    assert hints["Picture"]["exif"] == bytes | None
    assert hints["Picture.width"] == {"return": int}


def test_help_names_nothing_that_is_not_public():
    others = {"Exif", "Image.Exif", "io.BytesIO()"}  # of other libraries
    for name, value in public_objects():
        for reference in re.findall(r"`((?:\w+\.)*[A-Z]\w*|[\w.]+\(\))`", value.__doc__ or ""):
            is_code = reference.startswith("E_")
            assert is_code or reference in {*srgan_gp.__all__, *others}, (name, reference)


def test_help_of_upscale_names_no_private_class():
    assert "TileLimit" not in pydoc.plain(pydoc.render_doc(Upscaler.upscale))


def test_help_describes_every_attribute_of_an_upscaler(fake_session):
    public = [name for name in vars(Upscaler(fake_session())) if not name.startswith("_")]
    assert sorted(attributes_in_help(Upscaler)) == sorted(public)


@pytest.mark.parametrize("folder", ["inference", "detection", "models"])
def test_errors_of_the_library_name_no_option_of_the_command_line(folder):
    for path in sorted((ROOT / "srgan_gp" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise):
                strings = [part for part in ast.walk(node) if isinstance(part, ast.Constant)]
                text = "".join(part.value for part in strings if isinstance(part.value, str))
                assert not re.search("--[a-z]", text), (path, text)


def test_the_examples_of_the_docstring_run(folder):
    blocks = re.findall(r":\n\n((?:    .*\n|\n)+)", srgan_gp.__doc__)
    code = "".join(textwrap.dedent(block) for block in blocks if "import" in block)
    names = {}
    exec(code, names)
    assert len(re.findall("import", code)) == 4
    assert srgan_gp.read_image("large.png").pixels.shape == (64, 96, 3)
    assert srgan_gp.read_image("face.png").pixels.shape == (64, 64, 3)
    assert (names["larger"].size, len(names["several"])) == ((96, 64), 2)


def run_cell(source, names):
    """Run one cell; return the value of its last expression, which a notebook would show."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return last and eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_cells_of_the_notebook_run_in_order(folder, capsys):
    shutil.copy(NOTEBOOK, folder)
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    names, shown = {}, []
    for cell in cells:
        if cell["cell_type"] == "code":
            shown.append(run_cell("".join(cell["source"]), names))
    images = [value for value in shown if hasattr(value, "_repr_png_")]
    assert [type(image) for image in images] == [Picture, *[Image.Image] * 3]
    assert all(image._repr_png_().startswith(b"\x89PNG") for image in images)
    assert "(48, 64, 3) (192, 256, 3) uint8" in capsys.readouterr().out
    assert sorted(path.name for path in Path("results").iterdir()) == ["cat_x4.png", "face.png"]


def test_the_notebook_has_no_stored_results():
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_every_public_class_has_a_short_repr(tiny_face_model, tiny_model):
    [card, *_] = srgan_gp.list_models()
    objects = [
        card,
        Upscaler.load(tiny_model(), device="cpu"),
        FaceGenerator.load(tiny_face_model(), device="cpu"),
        Picture(np.zeros((4, 6, 3), np.uint8)),
    ]
    assert [type(one) for one in objects] == [ModelCard, Upscaler, FaceGenerator, Picture]
    for one in objects:
        assert len(repr(one)) < 100
        assert repr(one).startswith(f"<{type(one).__name__} ")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("save", r"write_image\(picture, path\)"),
        ("shape", "picture.pixels.shape"),
        ("other", "'other'$"),
    ],
)
def test_a_name_of_another_library_gets_the_name_here(name, advice):
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    assert not hasattr(picture, name)
    with pytest.raises(AttributeError, match=advice):
        getattr(picture, name)


def test_pillow_is_told_how_to_convert_a_picture():
    with pytest.raises(AttributeError, match=r"pass np.asarray\(picture\) to Image.fromarray$"):
        Image.fromarray(Picture(np.zeros((4, 6, 3), np.uint8)))


@pytest.mark.parametrize("argument", [np.zeros((2, 2)), Image.new("L", (2, 2))])
def test_what_is_no_path_is_refused_with_the_functions_that_take_it(argument):
    with pytest.raises(TypeError, match=r"got .*; Upscaler.upscale and write_image take images of"):
        srgan_gp.read_image(argument)


@pytest.mark.parametrize("max_pixels", [None, "1e9", 1e9, True])
def test_max_pixels_must_be_an_integer(max_pixels):
    message = f"max_pixels must be an integer, got {max_pixels!r}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        srgan_gp.read_image("a.png", max_pixels=max_pixels)


def test_a_file_that_is_open_for_reading_is_not_written(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    pixels = np.zeros((4, 6, 3), np.uint8)
    with path.open("rb") as file, pytest.raises(srgan_gp.UsageError) as caught:
        srgan_gp.write_image(pixels, file, format="png")
    assert str(caught.value) == (
        f'cannot write {path}: it is not open for writing; open it with the mode "wb"'
    )
    assert path.read_bytes() == b"before"


def test_a_list_is_not_written_as_one_image(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(TypeError, match="not list; pass one of its images at a time"):
        srgan_gp.write_image([pixels, pixels], tmp_path / "a.png")


def test_a_face_generator_describes_its_model(tiny_face_model):
    generator = FaceGenerator.load(tiny_face_model(), device="cpu")
    assert repr(generator) == "<FaceGenerator tiny-faces: 8 x 8 pixels on cpu>"
    assert generator.card is None
    assert FaceGenerator.load(device="cpu").card.task == "face-generation"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda g: g.generate(seed="7"), TypeError, "the seed must be an integer, got '7'"),
        (lambda g: g.generate(count=1.5), TypeError, "the count must be an integer, got 1.5"),
        (lambda g: g.generate(count=-1), srgan_gp.SrganGpError, "0 or more, not -1"),
        (lambda g: g.generate(truncation="1"), TypeError, "truncation must be a number, got '1'"),
        (lambda g: g.generate(truncation=True), TypeError, "must be a number, got True"),
        (lambda g: g.generate(count=True), TypeError, "the count must be an integer, got True"),
        (lambda g: g.latents(7), TypeError, r"a list or a range, got 7; pass \[7\]"),
        (lambda g: g.latents([1.5]), TypeError, "a seed must be an integer, got 1.5"),
        (lambda g: g.generate_from([[0.0] * 4]), TypeError, "must be a numpy array, got list"),
        (lambda g: g.interpolate(0, 1, frames=2.5), TypeError, "frames must be an integer"),
    ],
)
def test_wrong_arguments_of_a_face_generator_are_named(tiny_face_model, call, kind, message):
    with pytest.raises(kind, match=message):
        call(FaceGenerator.load(tiny_face_model(), device="cpu"))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"model": None}, TypeError, "the model must be a name or a path, got None"),
        ({"model": 4}, TypeError, "a name or a path, got 4"),
        ({"device": "gpu"}, srgan_gp.SrganGpError, "There is no device 'gpu'; choose auto"),
        ({"device": 0}, TypeError, "the device must be a text, such as 'cpu', got 0"),
        ({"device": None}, TypeError, "the device must be a text, such as 'cpu', got None"),
        ({"precision": 5}, TypeError, "the precision must be a text, such as 'int8', got 5"),
        ({"precision": "half"}, srgan_gp.SrganGpError, "There is no precision 'half'"),
        ({"threads": "2"}, TypeError, "threads must be an integer, got '2'"),
        ({"fidelity": "0.5"}, TypeError, "fidelity must be a number, got '0.5'"),
        ({"threads": True}, TypeError, "threads must be an integer, got True"),
        ({"fidelity": True}, TypeError, "fidelity must be a number, got True"),
        ({"faces": False}, TypeError, "the strength of faces must be a number, got False"),
    ],
)
def test_wrong_arguments_of_load_are_named(options, kind, message):
    with pytest.raises(kind, match=message):
        Upscaler.load(**{"device": "cpu"} | options)


def test_wrong_types_of_load_of_a_face_generator_and_of_a_session_are_named():
    with pytest.raises(TypeError, match="the device must be a text, such as 'cpu', got 5"):
        FaceGenerator.load(device=5)
    with pytest.raises(TypeError, match="the precision must be a text, such as 'int8', got 5"):
        Session.open("photo-x4", precision=5)


@pytest.mark.parametrize("opens_file", [False, True])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": 5}, "the format must be a text, such as 'png', got 5"),
        ({"strip_metadata": "x"}, "strip_metadata must be True or False, got 'x'"),
        ({"quality": {5: 90}}, "the format must be a text, such as 'png', got 5"),
    ],
)
def test_wrong_types_of_options_of_write_image_are_named(tmp_path, options, message, opens_file):
    target = io.BytesIO() if opens_file else tmp_path / "a.png"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        srgan_gp.write_image(np.zeros((4, 6, 3), np.uint8), target, **{"format": "png"} | options)
    assert not list(tmp_path.iterdir())


def test_list_models_refuses_what_is_no_function():
    with pytest.raises(TypeError, match=r"^on_refused must be a function, got 'x'; list_"):
        srgan_gp.list_models("x")
