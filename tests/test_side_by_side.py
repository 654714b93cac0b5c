"""`side_by_side.py`: sheets of models and peers, and the tally of blind comparisons."""

import importlib.util
import io
import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import UsageError
from srgan_gp.inference.upscaler import Upscaler

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SRGAN_GP_SHARED", ROOT.parent / "shared"))
PEERS = ["real-esrgan-general", "lsdir-compact-c3"]
COLOURS = {"real-esrgan-general": (200, 10, 10), "lsdir-compact-c3": (10, 10, 200)}
SIDE = 8  # of a crop of the test collection


@pytest.fixture(scope="module")
def script():
    """The script, with its folder on `sys.path`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        spec = importlib.util.spec_from_file_location(
            "side_by_side", ROOT / "scripts" / "side_by_side.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "comparison"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def crops(script):
    return sys.modules["comparison.crops"]


@pytest.fixture(scope="module")
def blinding(script):
    return sys.modules["comparison.blinding"]


@pytest.fixture(scope="module")
def tally(script):
    return sys.modules["comparison.tally"]


def encoded(pixels, kind):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, lossless=True)
    return file.getvalue()


@pytest.fixture
def collection(tmp_path, rng):
    """A folder like the shared one: crops 0 to 5, of which 5 lies in a grey image."""
    colour = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    folder = tmp_path / "shared"
    for name in ("data", "reference"):
        (folder / name).mkdir(parents=True)
    with zipfile.ZipFile(folder / "data" / "demo_inputs.zip", "w") as file:
        file.writestr("a/colour.png", encoded(colour, "PNG"))
        file.writestr("grey.png", encoded(colour[..., 0], "PNG"))
    spots = [
        {"number": n, "file": "grey.png" if n == 5 else "a/colour.png", "x": 4 * n, "y": 2 * n}
        for n in range(6)
    ]
    with zipfile.ZipFile(folder / "reference" / "peers_on_demo.zip", "w") as file:
        file.writestr("spots.json", json.dumps([spot | {"size": SIDE} for spot in spots]))
        for n in range(6):
            for name, rgb in COLOURS.items():
                flat = np.full((4 * SIDE, 4 * SIDE, 3), rgb, np.uint8)
                file.writestr(f"{n:02d}/{name}.webp", encoded(flat, "WEBP"))
    return folder, colour


@pytest.fixture
def repeat(tiny_model, onnx_models):
    """A model that repeats every pixel four times."""
    return tiny_model("repeat", onnx_models.repeating(4), scale="4", overlap="0")


def cell(path, column, top):
    """Return the result in a column of a sheet of crops, at 1:1, from row `top`."""
    left = 4 + column * (2 * 4 * SIDE + 4)
    with Image.open(path) as sheet:
        return np.asarray(sheet)[top : top + 4 * SIDE, left : left + 4 * SIDE]


def repeated(pixels):
    return pixels.repeat(4, axis=0).repeat(4, axis=1)


@pytest.mark.parametrize("place", [(0, 0), (39, 35), (67, 61), (104, 84), (13, 84)])
def test_a_crop_is_equal_to_that_of_the_whole_image(crops, place):
    with Image.open(ROOT / "apps" / "examples" / "cat.png") as image:
        pixels = np.asarray(image.convert("RGB"))[:100, :120]
    x, y = place
    whole = Upscaler.load("classic-x4", device="cpu").upscale(pixels, tile=None)
    part = crops.Model("classic-x4").upscale_crop(pixels, x, y, 16)
    np.testing.assert_array_equal(part, whole[4 * y : 4 * (y + 16), 4 * x : 4 * (x + 16)])


@pytest.mark.parametrize("model", ["classic-x4", "photo-x2"])
@pytest.mark.parametrize("place", [(0, 0), (39, 35), (104, 84)])
def test_a_crop_at_another_scale_is_equal_to_that_of_the_whole_image(crops, model, place):
    with Image.open(ROOT / "apps" / "examples" / "cat.png") as image:
        pixels = np.asarray(image.convert("RGB"))[:100, :120]
    x, y = place
    whole = Upscaler.load(model, device="cpu").upscale(pixels, tile=None, scale=2)
    part = crops.Model(model, scale=2).upscale_crop(pixels, x, y, 16)
    np.testing.assert_array_equal(part, whole[2 * y : 2 * (y + 16), 2 * x : 2 * (x + 16)])


def test_without_context_a_crop_would_differ(crops):
    with Image.open(ROOT / "apps" / "examples" / "cat.png") as image:
        pixels = np.asarray(image.convert("RGB"))[:100, :120]
    model = crops.Model("classic-x4")
    cut = model.upscale_crop(pixels[39:55, 39:55], 0, 0, 16)
    assert (cut != model.upscale_crop(pixels, 39, 39, 16)).any()


@pytest.mark.parametrize(
    ("crop", "overlap", "multiple", "expected"),
    [
        ((50, 60), 7, 1, (43, 67)),
        ((3, 60), 7, 1, (0, 67)),
        ((50, 98), 7, 1, (43, 99)),
        ((50, 60), 7, 4, (40, 68)),
        ((50, 95), 7, 4, (40, 99)),
        ((50, 60), None, 4, (0, 99)),
    ],
)
def test_a_window_contains_the_context_and_starts_at_a_multiple(
    crops, crop, overlap, multiple, expected
):
    assert crops.with_context(crop, 99, overlap, multiple) == expected


def test_labels_are_short_and_distinct(crops):
    assert crops.labels(["photo-x4", "runs/new.onnx"]) == ["photo-x4", "new"]
    assert crops.labels(["a/m.onnx", "b/m.onnx"]) == ["a/m", "b/m"]
    assert crops.labels(["photo-x4@0.5"]) == ["photo-x4@0.5"]
    assert crops.labels([f"mine/{PEERS[0]}.onnx"]) == [f"mine/{PEERS[0]}"]
    with pytest.raises(UsageError, match="twice"):
        crops.labels(["photo-x4", "photo-x4"])
    with pytest.raises(UsageError, match="distinguished"):
        crops.labels([PEERS[0]])


@pytest.mark.parametrize("text", ["photo-x4@", "photo-x4@1.5", "photo-x4@half", "photo-x4@nan"])
def test_a_fidelity_is_a_number_from_0_to_1(crops, text):
    with pytest.raises(UsageError, match="0 to 1"):
        crops.split_fidelity(text)


def test_lists_of_crops_are_parsed(script):
    assert script.parse_crops(None, [0, 1, 2]) == [0, 1, 2]
    assert script.parse_crops("3,0-1,1", range(24)) == [0, 1, 3]
    for text in ("24", "0-24", "5-3", "a", "", "1-", "-1"):
        with pytest.raises(UsageError, match="--crops"):
            script.parse_crops(text, range(24))


def test_a_labelled_sheet_shows_the_input_the_model_and_the_peers(
    script, collection, repeat, tmp_path
):
    shared, pixels = collection
    out = tmp_path / "sheets"
    assert script.main([str(repeat), "--shared", str(shared), "--out", str(out)]) == 0
    names = [f"crop-{n:02d}.png" for n in range(6)]
    assert sorted(path.name for path in out.iterdir()) == [
        *(f"contact-{i}.png" for i in range(3)),
        *names,
    ]
    path, crop = out / "crop-01.png", pixels[2 : 2 + SIDE, 4 : 4 + SIDE]
    for column in (0, 1):
        np.testing.assert_array_equal(cell(path, column, 24), repeated(crop))
    for column, peer in enumerate(PEERS, 2):
        assert (cell(path, column, 24) == COLOURS[peer]).all()
    doubled = repeated(crop).repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(cell(path, 0, 28 + 4 * SIDE), doubled[: 4 * SIDE, : 4 * SIDE])


def test_results_of_a_grey_input_are_grey(script, collection, repeat, tmp_path):
    shared, _ = collection
    out = tmp_path / "sheets"
    script.main([str(repeat), "--shared", str(shared), "--out", str(out), "--crops", "5"])
    assert (cell(out / "crop-05.png", 2, 24) == 73).all()  # the mean of 200, 10 and 10


def test_a_blind_sheet_agrees_with_its_key(script, collection, repeat, tmp_path, capsys):
    shared, pixels = collection
    out = tmp_path / "blind"
    arguments = [str(repeat), "--blind", "--shared", str(shared), "--out", str(out)]
    assert script.main([*arguments, "--crops", "0-4"]) == 0
    key = json.loads((tmp_path / "blind.key.json").read_text())
    assert sorted(key["crops"]) == ["0", "1", "2", "3", "4"]
    assert sorted(key["models"]) == ["repeat"]
    for number in range(5):
        letters = key["crops"][str(number)]
        assert sorted(letters.values()) == sorted([*PEERS, "repeat"])
        x, y = 4 * number, 2 * number
        for column, letter in enumerate("ABC"):
            name = letters[letter]
            expected = COLOURS.get(name, repeated(pixels[y : y + SIDE, x : x + SIDE]))
            shown = cell(out / f"crop-{number:02d}.png", column, 24)
            assert (shown == expected).all()
    assert not any(path.suffix == ".json" for path in out.iterdir())
    capsys.readouterr()
    assert script.main(arguments) == 2
    assert "not empty" in capsys.readouterr().err


def test_an_existing_key_is_not_overwritten(script, collection, repeat, tmp_path, capsys):
    shared, _ = collection
    arguments = [str(repeat), "--blind", "--shared", str(shared), "--key", str(tmp_path / "k")]
    assert script.main([*arguments, "--out", str(tmp_path / "first")]) == 0
    before = (tmp_path / "k").read_bytes()
    assert script.main([*arguments, "--out", str(tmp_path / "second")]) == 2
    assert "earlier comparison" in capsys.readouterr().err
    assert (tmp_path / "k").read_bytes() == before
    assert not (tmp_path / "second").exists()


def test_each_crop_has_its_own_order(blinding):
    names = ["ours", *PEERS]
    key = blinding.draw_key(range(24), names, 7)
    assert all(list(letters) == ["A", "B", "C"] for letters in key.crops.values())
    assert all(sorted(letters.values()) == sorted(names) for letters in key.crops.values())
    # 24 draws of 6 orders: each name stands under each letter, other than with odds below 1e-3.
    for letter in "ABC":
        assert {letters[letter] for letters in key.crops.values()} == set(names)
    assert blinding.draw_key(range(24), names, 7).crops == key.crops
    assert blinding.draw_key(range(24), names, 8).crops != key.crops


def answers(key, choices, name="R1", dots=()):
    """Write the answers of a reader who ranks by names, in the letters of a key."""
    crops = {}
    for spot, ranking in choices.items():
        letter = {name: letter for letter, name in key.crops[spot].items()}
        crops[str(spot)] = {
            "ranking": [[letter[name] for name in group] for group in ranking],
            "dots": [letter[name] for number, name in dots if number == spot],
        }
    return {"reader": name, "crops": crops}


@pytest.fixture
def comparison(blinding, tmp_path):
    """A key of crops 0 and 12 to 15, and a function that writes what readers say of them."""
    key = blinding.draw_key([0, 12, 13, 14, 15], ["ours", "p", "q"], 3)
    key.write(tmp_path / "key.json")

    def write(*readers):
        paths = []
        for number, reader in enumerate(readers):
            paths.append(tmp_path / f"reader-{number}.json")
            paths[-1].write_text(json.dumps(reader))
        return paths

    return blinding.read_key(tmp_path / "key.json"), write


OURS, THEIRS, TIE = [["ours"], ["p"], ["q"]], [["p"], ["q", "ours"]], [["q", "ours"], ["p"]]


def test_the_tally_counts_first_places_per_reader_and_part(tally, comparison):
    key, write = comparison
    one = answers(key, {0: OURS, 12: OURS, 13: TIE, 14: OURS, 15: THEIRS}, dots=[(12, "ours")])
    two = answers(key, {0: THEIRS, 12: OURS, 13: OURS, 14: [["p"], ["q"], ["ours"]], 15: OURS},
                  name="R2", dots=[(12, "ours"), (13, "q")])  # fmt: skip
    lines = list(tally.tally_lines(tally.read_readers(write(one, two), key), ["ours", "p", "q"]))
    for line in (
        "| 0 | 1 | 1 | 0 |",
        "| 12 | 2, dots 2 | 0 | 0 |",
        "| 13 | 2 | 0 | 1, dots 1 |",
        "| 14 | 1 | 1 | 0 |",
        "| 15 | 1 | 1 | 0 |",
        "| 0-11 (choosing), 1 shown | 0.5 (1, 0); dots in 0 | 0.5 (0, 1); dots in 0 "
        "| 0.0 (0, 0); dots in 0 |",
        "| 12-23 (reporting), 4 shown | 3.0 (3, 3); dots in 1 | 1.0 (1, 1); dots in 0 "
        "| 0.5 (1, 0); dots in 1 |",
        "R1: 2 of 5 crops with a tie, more than the 25% allowed; this reader has to rank again.",
        "R2: 1 of 5 crops with a tie.",
    ):
        assert line in lines


def test_the_script_prints_the_tally(script, comparison, tmp_path, capsys):
    key, write = comparison
    paths = write([answers(key, dict.fromkeys(key.crops, OURS), name=name) for name in "ab"])
    arguments = ["--tally", *map(str, paths), "--key", str(tmp_path / "key.json")]
    assert script.main(arguments) == 0
    assert "| 12-23 (reporting), 4 shown | 4.0 (4, 4); dots in 0 |" in capsys.readouterr().out
    assert script.main(arguments[:-2]) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda crops: crops.pop("12"), r"crops \[12\]"),
        (lambda crops: crops.update({"12": {"ranking": [["A"], ["B"]]}}), "each of A, B, C once"),
        (lambda crops: crops.update({"12": {"ranking": [["A", "B", "C", "A"]]}}), "once"),
        (lambda crops: crops["12"].update(dots=["D"]), "there is no D"),
        (lambda crops: crops.update({"12": []}), "does not contain"),
    ],
)
def test_answers_that_do_not_fit_the_key_are_refused(tally, comparison, change, message):
    key, write = comparison
    reader = answers(key, dict.fromkeys(key.crops, OURS))
    change(reader["crops"])
    with pytest.raises(UsageError, match=message):
        tally.read_readers(write(reader), key)


def test_readers_have_different_names(tally, comparison):
    key, write = comparison
    reader = answers(key, dict.fromkeys(key.crops, OURS))
    with pytest.raises(UsageError, match="same name"):
        tally.read_readers(write(reader, reader), key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Pass at least one model"),
        (["photo-x4", "--shared", "nowhere"], "--shared DIR"),
        (["photo-x2", "--scale", "2"], "pass --no-peers"),
        (["--tally", "nowhere.json", "--key", "nowhere.json"], "nowhere.json is not the key"),
    ],
)
def test_missing_arguments_are_named(script, collection, arguments, message, capsys):
    if "--shared" not in arguments:
        arguments = [*arguments, "--shared", str(collection[0])]
    assert script.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_model_of_another_scale_is_refused(script, collection, tiny_model, tmp_path, capsys):
    arguments = [str(tiny_model()), "--shared", str(collection[0]), "--out", str(tmp_path / "x")]
    assert script.main(arguments) == 2
    assert "upscales by 2" in capsys.readouterr().err


@pytest.mark.shared
def test_two_real_crops(script, tmp_path):
    out = tmp_path / "blind"
    arguments = ["photo-x4", "--blind", "--crops", "0,22", "--shared", str(SHARED)]
    assert script.main([*arguments, "--out", str(out)]) == 0
    key = json.loads((tmp_path / "blind.key.json").read_text())
    place = "ABC".index(
        next(a for a, name in key["crops"]["0"].items() if name == "lsdir-compact-c3")
    )
    left = 4 + place * (512 + 4)
    with (
        Image.open(out / "crop-00.png") as sheet,
        zipfile.ZipFile(SHARED / "reference" / "peers_on_demo.zip") as peers,
        Image.open(io.BytesIO(peers.read("00/lsdir-compact-c3.webp"))) as peer,
    ):
        shown = sheet.crop((left, 24, left + 256, 24 + 256))
        np.testing.assert_array_equal(np.asarray(shown), np.asarray(peer.convert("RGB")))
    with Image.open(out / "crop-22.png") as sheet:  # the input is grey
        pixels = np.asarray(sheet)[24:]
    assert (pixels == pixels[..., :1]).all()
