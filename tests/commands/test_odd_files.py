"""Every unusual, damaged or hostile file through `srgan-gp upscale`: a result or one message."""

import json
import os
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.errors import SrganGpError
from srgan_gp.inference.session import Session

SHARED = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[3] / "shared")) / "data"
READ = {"PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"}
MOST_SECONDS = 20
MOST_BYTES = 900_000_000
"""Growth of memory; the command alone starts with 100 MB, a whole test run with ten times that."""
pytestmark = pytest.mark.shared


@pytest.fixture
def upscaled(fake_session, tmp_path, monkeypatch, capsys):
    """Upscale one member of an archive: (exit code, its entry in the report, seconds, bytes)."""
    monkeypatch.setattr(Session, "open", lambda *arguments, **options: fake_session())

    def run(archive, name):
        source = tmp_path / Path(name).name
        source.write_bytes(archive.read(name))
        reset_peak()
        before = peak_bytes()
        started = time.process_time()
        code = main(["upscale", "--json", str(source), "-o", str(tmp_path / "out")])
        seconds, grown = time.process_time() - started, peak_bytes() - before
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        report = json.loads(captured.out)
        assert report["inputs"] == report["done"] + report["skipped"] + report["failed"] == 1
        source.unlink()
        assert list(tmp_path.rglob("*.part")) == []
        return code, report["pictures"][0], seconds, grown

    return run


def reset_peak():
    """Reset the peak memory of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def members(name):
    """Yield (archive, member, the result of Pillow) for each file of a set."""
    listing = json.loads((SHARED / f"{name}.json").read_text())["files"]
    with zipfile.ZipFile(SHARED / f"{name}.zip") as archive:
        for entry in listing:
            yield archive, entry["name"], entry.get("pillow", {})


def differences(code, image, seconds, grown, name, seen):
    """List the differences from the expected outcome."""
    if seconds > MOST_SECONDS:
        yield f"it took {seconds:.1f} s"
    if grown > MOST_BYTES:
        yield f"it took {grown / 1e6:.0f} MB"
    if image["status"] == "failed":
        is_whole = not seen or (seen.get("load") == "ok" and seen["format"] in READ)
        if is_whole and not name.startswith("malformed/"):
            yield f"it was refused: {image['message']}"
        if code != 3 or image["code"] == SrganGpError.code or "\n" in image["message"]:
            yield f"exit {code}, {image['code']}: {image['message']!r}"
        return
    with Image.open(image["target"]) as result:
        result.load()
        size, frames = result.size, getattr(result, "n_frames", 1)
    expected = [2 * side for side in seen.get("size", image["size"])]
    if seen.get("exif_orientation", 1) >= 5:
        expected.reverse()
    if code != 0 or list(size) != expected:
        yield f"exit {code}, {size} instead of {expected}"
    if frames != seen.get("frames", 1):
        yield f"{frames} frames instead of {seen['frames']}"


@pytest.mark.parametrize("archive", ["odd_files", "demo_inputs"])
def test_every_file_gives_its_result_or_one_line(upscaled, archive):
    wrong = [
        f"{name}: {what}"
        for zipped, name, seen in members(archive)
        for what in differences(*upscaled(zipped, name), name, seen)
    ]
    assert not wrong, "\n".join(wrong)
