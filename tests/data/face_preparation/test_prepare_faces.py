import json
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from srgan_gp.data.face_preparation.face_selection import Requirements
from srgan_gp.data.face_preparation.photo_lists import list_photos
from srgan_gp.data.face_preparation.preparation_report import count_outcomes
from srgan_gp.data.face_preparation.prepare_faces import Preparation, prepare
from srgan_gp.data.image_sources import list_images
from srgan_gp.detection.face_alignment import TEMPLATE
from srgan_gp.detection.face_detection import Face, FaceDetector
from srgan_gp.errors import NothingToDoError

REQUIREMENTS = Requirements(side=64, smallest=60, most_blur=0.7)


class FindsFrames:
    """Replaces YuNet: a magenta frame is the square of a face, its corner shows the pose.

    The second detection, in a square, finds the face of the first one.
    """

    def __init__(self, file):
        self.file, self.sees_ghosts = file, False

    def detect(self, pixels):
        if pixels.shape[:2] == (192, 192):
            at_edge = pixels[4:-4, :6].astype(int).mean((0, 1))
            is_face = at_edge[0] > at_edge[1] + 40
            return [Face((0, 0, 192, 192), TEMPLATE * 192 - 0.5, 0.9)] if is_face else []
        red, green, blue = np.moveaxis(pixels.astype(int), 2, 0)
        magenta = (red > green + 50) & (blue > green + 50)
        _, _, boxes, _ = cv2.connectedComponentsWithStats(magenta.astype(np.uint8))
        found = [
            Face(
                (float(x), float(y), float(w), float(h)),
                np.array([x - 0.5, y - 0.5]) + TEMPLATE * [w, w],
                0.9,
            )
            for x, y, w, h, _ in boxes[1:]
            if w > 20
        ]
        ghost = Face((0, 0, 70, 70), TEMPLATE * 70, 0.7)
        return [*found, ghost] if self.sees_ghosts else found


@pytest.fixture
def detector(tmp_path):
    file = tmp_path / "fake.onnx"
    file.write_bytes(b"a network")
    return FindsFrames(file)


@pytest.fixture
def photos(tmp_path, scene):
    """Write photos: call it with a name and the sides of its faces; returns the folder."""
    folder = tmp_path / "photos"
    folder.mkdir()

    def write(name, *sides, seed=None, sigma=0.0, save=lambda image, path: image.save(path)):
        seed = sum(map(ord, name)) if seed is None else seed
        pixels, left = scene(150, 40 + sum(sides) + 20 * len(sides), seed), 20
        for i, side in enumerate(sides):
            face = cv2.resize(scene(64, 64, 1000 * seed + i), (side, side))
            cv2.rectangle(face, (0, 0), (side - 1, side - 1), (255, 0, 255), max(2, side // 20))
            pixels[20 : 20 + side, left : left + side] = face
            left += side + 20
        if sigma:
            pixels = cv2.GaussianBlur(pixels, (0, 0), sigma)
        save(Image.fromarray(pixels), folder / name)
        return folder

    return write


def run(folder, detector, tmp_path, validation_share=0.25, requirements=REQUIREMENTS):
    output, sheet = tmp_path / "faces.zip", tmp_path / "sheet.png"
    listed = list_photos([str(folder)], exclude=sheet)
    counts = prepare(
        listed.photos, output, sheet, Preparation(requirements, detector, validation_share)
    )
    with zipfile.ZipFile(output) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    return counts, manifest, {p["name"]: p for p in manifest["source_photos"]}


def check_sums(counts, manifest):
    """Check that the parts add up, by counting again in the manifest and the zip file."""
    assert counts["photos"] == sum(counts["photos_by_outcome"].values())
    assert counts["faces"] == counts["kept"] + sum(counts["dropped"].values())
    assert counts["kept"] == counts["train"] + counts["val"]
    faces = [face for photo in manifest["source_photos"] for face in photo.get("faces", [])]
    assert len(manifest["source_photos"]) == counts["photos"]
    assert len(faces) == counts["faces"]
    assert all(("member" in face) != ("reason" in face) for face in faces)


def as_webp(image, path):
    image.save(path, quality=90)


def test_counts_add_up_and_every_drop_has_its_reason(photos, detector, tmp_path):
    photos("several.png", 80, 90, 100)
    photos("none.png")
    photos("small.png", 40)
    photos("blurred.png", 90, sigma=4)
    photos("z.webp", 80, 90, 100, seed=sum(map(ord, "several.png")), save=as_webp)
    photos("jpeg.jpg")
    photos("grey.png", 80, save=lambda i, p: i.convert("L").save(p))
    folder = photos("edge.png", 85)
    Image.fromarray(np.asarray(Image.open(folder / "edge.png"))[45:, 45:]).save(folder / "cut.png")
    (folder / "corrupt.jpg").write_bytes((folder / "jpeg.jpg").read_bytes()[:-900])
    (folder / "empty.png").write_bytes(b"")
    (folder / "twice.png").write_bytes((folder / "several.png").read_bytes())
    (folder / "notes.txt").write_text("no photo")
    counts, manifest, by_name = run(folder, detector, tmp_path)
    check_sums(counts, manifest)
    outcomes = {name: photo["outcome"] for name, photo in by_name.items()}
    assert outcomes == {
        "several.png": "used", "z.webp": "no face kept", "none.png": "without a face",
        "jpeg.jpg": "without a face",
        "small.png": "no face kept", "blurred.png": "no face kept", "edge.png": "used",
        "grey.png": "without a face", "cut.png": outcomes["cut.png"], "corrupt.jpg": "unreadable",
        "empty.png": "unreadable", "twice.png": "repeated",
    }  # fmt: skip
    assert by_name["twice.png"]["like"] == "several.png"
    assert by_name["corrupt.jpg"]["code"] == "E_DAMAGED"
    reasons = {name: [f.get("reason") for f in p.get("faces", [])] for name, p in by_name.items()}
    assert reasons["z.webp"] == ["there already"] * 3
    assert reasons["small.png"] == ["too small"]
    assert reasons["blurred.png"] == ["blurred"]


def test_a_face_that_is_not_detected_again_is_dropped(photos, detector, tmp_path):
    detector.sees_ghosts = True
    counts, manifest, _ = run(photos("a.png", 90), detector, tmp_path, validation_share=0)
    check_sums(counts, manifest)
    assert (counts["kept"], counts["dropped"]["not found again"]) == (1, 1)


def test_a_prepared_face_is_the_content_of_the_frame(photos, detector, tmp_path):
    folder = photos("a.png", 64)
    counts, _, _ = run(folder, detector, tmp_path)
    assert (counts["train"], counts["val"]) == (1, 0)
    [face] = list_images(f"{tmp_path / 'faces.zip'}:train")
    expected = np.asarray(Image.open(folder / "a.png"))[20:84, 20:84]
    assert np.abs(face.read().astype(int) - expected).max() <= 1


def test_faces_of_one_photo_are_in_one_set(photos, detector, tmp_path):
    for i in range(8):
        folder = photos(f"{i}.png", 70, 75, 80)
    counts, manifest, by_name = run(folder, detector, tmp_path)
    check_sums(counts, manifest)
    assert (counts["train"], counts["val"]) == (18, 6)
    for photo in by_name.values():
        assert len({face["member"].partition("/")[0] for face in photo["faces"]}) == 1
    for side in ("train", "val"):
        assert len(list_images(f"{tmp_path / 'faces.zip'}:{side}")) == counts[side]


def test_the_same_photos_give_the_same_bytes(photos, detector, tmp_path):
    photos("a.png", 70)
    folder = photos("b.png", 80, 66)
    run(folder, detector, tmp_path)
    first = (tmp_path / "faces.zip").read_bytes()
    run(folder, detector, tmp_path)
    assert (tmp_path / "faces.zip").read_bytes() == first


@pytest.mark.parametrize("kind", ["sixteen bits", "rotated", "CMYK"])
def test_photos_of_other_formats_give_their_face(kind, photos, detector, tmp_path):
    def save(image, path):
        if kind == "sixteen bits":
            cv2.imwrite(str(path), np.asarray(image)[:, :, ::-1].astype(np.uint16) * 257)
        elif kind == "rotated":
            exif = Image.Exif()
            exif[0x0112] = 6
            image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
        else:
            image.convert("CMYK").save(path)

    suffix = "tif" if kind == "CMYK" else "png"
    folder = photos(f"{kind}.{suffix}", 80, save=save)
    counts, _, _ = run(folder, detector, tmp_path)
    assert counts["kept"] == 1


def test_nothing_is_written_if_no_face_is_kept(photos, detector, tmp_path):
    with pytest.raises(NothingToDoError, match="1 photo: 1 without a face"):
        run(photos("none.png"), detector, tmp_path)
    assert not {"faces.zip", "sheet.png"} & {path.name for path in tmp_path.iterdir()}


def test_aligned_faces_are_resized_checked_and_split(photos, tmp_path, scene):
    folder = tmp_path / "aligned"
    folder.mkdir()
    images = {"a": scene(128, 128, 1), "b": scene(128, 128, 2), "wide": scene(100, 130, 3)}
    images |= {"small": scene(50, 50, 4), "blurred": cv2.GaussianBlur(scene(64, 64), (0, 0), 4)}
    images["mirrored"] = images["b"][:, ::-1]
    for name, pixels in images.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    counts, manifest, by_name = run(folder, None, tmp_path)
    check_sums(counts, manifest)
    assert (counts["train"], counts["val"]) == (1, 1)
    reasons = {name: photo["faces"][0].get("reason") for name, photo in by_name.items()}
    assert reasons == {
        "a.png": None, "b.png": None, "wide.png": "not square", "small.png": "too small",
        "blurred.png": "blurred", "mirrored.png": "there already",
    }  # fmt: skip
    assert manifest["settings"]["aligned_before"]
    sides = {
        Path(p.member or "").parts[0]: p.read().shape for p in list_images(tmp_path / "faces.zip")
    }
    assert sides == {"train": (64, 64, 3), "val": (64, 64, 3)}


def test_a_second_copy_of_a_photo_is_in_the_same_set(photos, detector, tmp_path):
    for i in range(6):
        photos(f"{i}.png", 70)
        folder = photos(f"{i} brighter.png", 70, seed=sum(map(ord, f"{i}.png")), save=brighter)
    requirements = Requirements(side=64, smallest=60)
    counts, manifest, by_name = run(
        folder, detector, tmp_path, validation_share=0.5, requirements=requirements
    )
    check_sums(counts, manifest)
    assert (counts["kept"], counts["dropped"]["there already"]) == (6, 6)
    for i in range(6):
        pair = by_name[f"{i} brighter.png"], by_name[f"{i}.png"]
        assert [photo["faces"][0].get("like") for photo in pair] == [None, f"{i} brighter.png"]


def test_photos_that_share_a_face_through_a_third_one_are_in_one_set(photos, detector, tmp_path):
    photos("1.png", 80)
    photos("2.png", 80)
    folder = photos("3.png", 80, 80, 80)
    first, second, third = (np.array(Image.open(folder / f"{i}.png")) for i in (1, 2, 3))
    third[20:100, 20:100] = first[20:100, 20:100]
    third[20:100, 120:200] = second[20:100, 20:100]
    Image.fromarray(third).save(folder / "3.png")
    counts, _, by_name = run(folder, detector, tmp_path, validation_share=0.5)
    assert {face.get("like") for face in by_name["3.png"]["faces"]} == {None, "1.png", "2.png"}
    assert (counts["train"], counts["val"]) == (3, 0)


def brighter(image, path):
    image.point(lambda level: level + 5).save(path)


@pytest.mark.shared
def test_counts_of_real_photos_add_up(tmp_path):
    shared = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[4] / "shared"))
    yunet = FaceDetector.load(shared / "models" / "face_detection_yunet.onnx")
    places = shared / "data" / "demo_inputs.zip"
    counts, manifest, by_name = run(places, yunet, tmp_path, requirements=Requirements())
    check_sums(counts, manifest)
    assert by_name["fakerjs_male_37.jpg"]["outcome"] == "used"
    assert by_name["resr/OST_009.png"]["outcome"] == "without a face"
    reasons = [face["reason"] for face in by_name["resr/children-alpha.png"]["faces"]]
    assert reasons == ["too small"] * 5
    # Eyes are found again where the template says: most very near, none far away.
    faces = [yunet.detect(p.read())[0] for p in list_images(f"{tmp_path / 'faces.zip'}:train")]
    away = [np.abs((face.points + 0.5) / 256 - TEMPLATE)[:2].max() for face in faces]
    assert np.median(away) < 0.03
    assert max(away) < 0.1


def test_no_photos_are_counted_as_none():
    counts = count_outcomes([])
    assert (counts["photos"], counts["faces"], counts["kept"]) == (0, 0, 0)
