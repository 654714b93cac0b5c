"""SIGINT and SIGTERM at random moments of the real command: a quick end and a correct report."""

import json
import random
import shutil
import signal
import subprocess
import time

import pytest

SECONDS_TO_END = 5  # CPU time; a busy machine takes longer.
PATIENCE = 60  # seconds; only a test that fails waits so long


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.is_file()}


def statuses(report):
    return [json.loads(line)["status"] for line in report.read_text().splitlines()]


@pytest.fixture
def start(words, environment, tmp_path, small_tiles):
    """Start the command in tiles of two pixels and wait until the model is loaded."""

    def start():
        program, arguments = words[:1], words[words.index("upscale") :]
        words_with_report = [*program, *small_tiles, *arguments]
        words_with_report += ["--tile", "2", "--report", str(tmp_path / "report")]
        process = subprocess.Popen(
            words_with_report, env=environment, stderr=subprocess.PIPE, text=True
        )
        first = process.stderr.readline()  # the device, unless every result is there already
        assert first.startswith("tiny on cpu") or ": skipped, " in first
        return process

    return start


def test_a_signal_at_any_moment_ends_in_seconds_and_every_image_is_reported(
    start, album, work_of, tmp_path
):
    album(*[80] * 12)
    out, chance, cut_short = tmp_path / "out", random.Random(0), 0
    with start() as process:
        process.communicate()
    expected = contents(out)
    assert len(expected) == 12
    for number in range(20):
        shutil.rmtree(out, ignore_errors=True)  # a run without results leaves no folder
        name = chance.choice([signal.SIGINT, signal.SIGTERM])
        with start() as process:
            for _ in range(chance.randrange(8)):
                process.stderr.readline()
            time.sleep(chance.uniform(0, 0.05))
            before = work_of(process)
            process.send_signal(name)
            errors = process.communicate(timeout=PATIENCE)[1]
            assert work_of(process) - before < SECONDS_TO_END, number
        found, counted = contents(out), statuses(tmp_path / "report")
        assert len(counted) == 12
        assert counted.count("done") == len(found)  # The others were not tried.
        left = f", {12 - len(found)} not finished" if len(found) < 12 else ""
        assert f"{len(found)} done, 0 skipped, 0 failed{left}" in errors
        assert found.items() <= expected.items()  # No hidden file, nothing damaged.
        assert process.returncode == 128 + name or len(found) == 12
        assert "Traceback" not in errors
        cut_short += len(found) < 12
    assert cut_short >= 5
    with start() as process:
        process.communicate()
    assert contents(out) == expected
    assert statuses(tmp_path / "report").count("skipped") == len(found)
