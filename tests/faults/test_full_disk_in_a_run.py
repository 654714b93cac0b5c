"""A disk that fills up during a run: finished results stay, and the next run makes the rest."""

import json
import subprocess
import sys

import pytest

# Python ignores SIGXFSZ, so a file above the limit is an error of `write`, as on a full disk.
LIMITED = """
import io, json, resource, shutil, sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from srgan_gp.cli import main

limits, words = json.loads(sys.argv[1]), sys.argv[2:]
out = Path(words[words.index("-o") + 1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def run(limit):
    errors, printed = io.StringIO(), io.StringIO()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    with redirect_stderr(errors), redirect_stdout(printed):
        code = main([*words, "--json"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    report = json.loads(printed.getvalue() or "{}")
    files = {path.name: path.read_bytes().hex() for path in out.glob("*") if path.is_file()}
    return {"code": code, "errors": errors.getvalue(), "report": report, "files": files}

for limit in limits:
    shutil.rmtree(out, ignore_errors=True)
    print(json.dumps([run(limit), run(hard)]))
"""


@pytest.fixture
def run_limited(words, environment):
    """Run the command with each limit, then again without it; returns both runs of each."""

    def run(limits):
        program = [sys.executable, "-c", LIMITED, json.dumps(limits), *words[3:]]
        done = subprocess.run(program, env=environment, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_finished_results_are_kept_and_the_rest_is_made_by_the_next_run(album, run_limited):
    # With small results the journal reaches the limit, large results reach it themselves.
    album(*[8] * 8, 64, 100, 128)
    [(whole, _)] = run_limited([1 << 30])
    expected = whole["files"]
    assert len(expected) == 11
    limits = [*range(0, 200_000, 8_000)]
    kept = set()
    for limit, (limited, again) in zip(limits, run_limited(limits), strict=True):
        files, report = limited["files"], limited["report"]
        kept.add(len(files))
        assert limited["code"] == (0 if files == expected else 5), limited
        assert files.items() <= expected.items(), limit
        if report:
            ends = ("done", "skipped", "failed", "not_tried")
            assert report["inputs"] == sum(report[end] for end in ends) == 11
            assert report["done"] == len(files)
        else:
            assert (limited["errors"].count("\n"), files) == (1, {}), limited
        assert (again["code"], again["files"]) == (0, expected), limit
        assert again["report"]["skipped"] == len(files), limit
    assert kept >= {0, 9, 10, 11}
    assert kept & {1, 2, 3, 4, 5, 6, 7, 8}  # The journal reached the limit during the run.
