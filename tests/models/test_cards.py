"""Model cards: reading and validation."""

import tomllib

import pytest

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.cards import headline, read_card

CARD = """
name = "tiny"
task = "super-resolution"
summary = "Upscales images by 2."
version = "1"
licence = "Apache-2.0"
architecture = "srresnet"
scale = 2
recipe = "scripts/recipes/tiny.sh"
limits = ["Text.", "Faces."]
[arguments]
width = 4
[files.onnx]
name = "tiny.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
bytes = 5
[[data]]
what = "photos"
licence = "CC0"
attribution = "nobody"
[[scores]]
metric = "PSNR-Y"
set = "Set5"
value = 30
protocol = "matlab"
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with one card."""
    (tmp_path / "tiny.toml").write_text(CARD)
    return tmp_path


def refused(folder, text):
    (folder / "tiny.toml").write_text(text)
    with pytest.raises(ModelRefusedError) as caught:
        read_card(folder / "tiny.toml")
    assert caught.value.exit_code == 8
    return str(caught.value)


def test_scores_of_metrics_that_no_longer_exist_are_still_read(folder):
    (folder / "tiny.toml").write_text(CARD.replace("PSNR-Y", "grid"))
    assert read_card(folder / "tiny.toml").scores[0].metric == "grid"


def test_a_card_has_the_values_of_the_file(folder):
    card = read_card(folder / "tiny.toml")
    table = tomllib.loads(CARD)
    for key in ("name", "task", "summary", "version", "licence", "scale", "recipe"):
        assert getattr(card, key) == table[key]
    assert card.limits == ("Text.", "Faces.")
    assert card.arguments == {"width": 4}
    assert card.files["onnx"].bytes == 5
    assert card.data[0].licence == "CC0"
    assert card.scores[0].value == 30
    assert card.fidelity_partner is None


@pytest.mark.parametrize(
    "key", ["name", "task", "summary", "version", "licence", "architecture", "scale", "recipe"]
)
def test_a_missing_key_is_named(folder, key):
    lines = [line for line in CARD.splitlines() if not line.startswith(f"{key} = ")]
    keeps_tables = "\n".join(lines) if key != "name" else CARD.replace('name = "tiny"\n', "", 1)
    if key == "licence":
        keeps_tables = CARD.replace('licence = "Apache-2.0"\n', "")
    assert f"{key} is missing" in refused(folder, keeps_tables)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scale = 2", 'scale = "2"', "scale is '2', expected int"),
        ("scale = 2", "scale = true", "scale is True, expected int"),
        ("scale = 2", "scale = 0", "scale is 0"),
        ("scale = 2", "scale = 2\nscael = 3", "unknown key 'scael'"),
        ("super-resolution", "poetry", "task is 'poetry'"),
        ('["Text.", "Faces."]', "[1]", "limits"),
        ('["Text.", "Faces."]', '"Text."', "limits"),
        ("[arguments]\nwidth = 4", "", ""),
        ('sha256 = "0', 'sha256 = "x', "64 hexadecimal digits"),
        ('name = "tiny.onnx"', 'name = "../tiny.onnx"', "plain name"),
        ('name = "tiny.onnx"', 'name = ""', "plain name"),
        ("scale = 2", 'scale = 2\nfidelity_partner = "tiny"', "is the model itself, 'tiny'"),
        ("scale = 2", 'scale = 2\nfidelity_partner = "../x"', "not a plain name: '../x'"),
        ("scale = 2", 'scale = 2\nfidelity_partner = ""', "not a plain name: ''"),
        ("scale = 2", "scale = 2\nfidelity_partner = 2", "fidelity_partner is 2, expected str"),
        ("scale = 2\n", "", "scale is missing"),
        ("scale = 2", "scale = 2\nimage_size = 64", "image_size is not used by the task super"),
        ("super-resolution", "face-generation", "image_size is missing"),
        ("bytes = 5", "bytes = 5.5", "bytes is 5.5"),
        ("[files.onnx]", "[files.safetensors]", "files.onnx is missing"),
        ('name = "tiny"\n', 'name = "other"\n', "names another model"),
        ("value = 30", 'value = "high"', "expected float"),
        ('what = "photos"\n', "", "what is missing"),
        ("value = 30", "value = nan", "value is nan, expected a finite number"),
        ("width = 4", "width = 2020-01-01", "arguments.width is datetime.date(2020, 1, 1), exp"),
        ("width = 4", "width = [4]", "arguments.width is [4], expected"),
        ("[[data]]", "[[data_]]", "unknown key 'data_'"),
        ("[arguments]\nwidth = 4\n", "arguments = 4\n", "arguments is 4"),
        (
            "[arguments]\nwidth = 4\n[files.onnx]\n",
            "[files]\nonnx = 5\n[x]\n",
            "expected a table",
        ),
        ('name = "tiny"', 'name = "tiny', "cannot be read"),
    ],
)
def test_an_invalid_card_is_refused_with_the_reason(folder, old, new, message):
    assert old in CARD
    if not message:  # arguments are optional
        (folder / "tiny.toml").write_text(CARD.replace(old, new))
        assert read_card(folder / "tiny.toml").arguments == {}
    else:
        assert message in refused(folder, CARD.replace(old, new))


def test_a_card_that_is_not_text_is_refused(folder):
    (folder / "tiny.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelRefusedError, match="cannot be read"):
        read_card(folder / "tiny.toml")


def test_a_card_of_faces_has_a_size_and_the_consent_of_the_people(folder):
    table = CARD.replace("super-resolution", "face-generation").replace(
        "scale = 2", "image_size = 64"
    )
    table = table.replace('what = "photos"', 'what = "photos"\nconsent = "asked"')
    (folder / "tiny.toml").write_text(table)
    card = read_card(folder / "tiny.toml")
    assert (card.scale, card.image_size, card.data[0].consent) == (None, 64, "asked")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image_size = 64", "image_size = 0", "image_size is 0"),
        ("image_size = 64", "image_size = 64\nscale = 1", "scale is not used by the task face"),
        ("image_size = 64", 'image_size = "64"', "image_size is '64', expected int"),
    ],
)
def test_an_invalid_card_of_faces_is_refused_with_the_reason(folder, old, new, message):
    table = CARD.replace("super-resolution", "face-generation").replace(
        "scale = 2", "image_size = 64"
    )
    assert message in refused(folder, table.replace(old, new))


SCORES = """
[[scores]]
metric = "SWD"
set = "val"
value = 30
protocol = "seeds from 0"
[[scores]]
metric = "novelty"
set = "val"
value = 1.0
protocol = "layouts"
[[scores]]
metric = "FD-yunet"
set = "val"
value = 99
protocol = "seeds from 0"
[[scores]]
metric = "FD-yunet"
set = "val"
value = 28
protocol = "real, training"
"""


def test_the_headline_of_a_face_generator_is_its_first_distance_and_novelty(folder):
    table = CARD.replace("super-resolution", "face-generation")
    (folder / "tiny.toml").write_text(table.replace("scale = 2", "image_size = 64") + SCORES)
    found = [(score.metric, score.value) for score in headline(read_card(folder / "tiny.toml"))]
    assert found == [("FD-yunet", 99), ("novelty", 1.0)]


def test_an_upscaler_has_no_headline(folder):
    assert headline(read_card(folder / "tiny.toml")) == ()


FACE_CARD = CARD.replace("super-resolution", "face-generation").replace(
    "scale = 2", "image_size = 8"
)


def test_a_face_card_may_state_the_default_truncation(folder):
    (folder / "tiny.toml").write_text(FACE_CARD)
    assert read_card(folder / "tiny.toml").truncation is None
    (folder / "tiny.toml").write_text(f"truncation = 0.7\n{FACE_CARD}")
    assert read_card(folder / "tiny.toml").truncation == 0.7


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"truncation = 0.7\n{CARD}", "not used by the task super-resolution"),
        (f"truncation = 4.5\n{FACE_CARD}", "4.5, not from 0 to 4"),
        (f"truncation = nan\n{FACE_CARD}", "a finite number"),
        (f'truncation = "1"\n{FACE_CARD}', "expected float"),
    ],
)
def test_an_impossible_truncation_is_refused(folder, text, reason):
    assert reason in refused(folder, text)
