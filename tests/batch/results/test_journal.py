"""Journal: hashes of input and result decide whether an image is done, never a name alone."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from srgan_gp.batch.results.journal import JOURNAL_FOLDER, Journal
from srgan_gp.batch.results.work import Work, work_key
from srgan_gp.errors import OutputError
from srgan_gp.system.files import commit, write_staged

WORK = work_key("model", scale=4)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(b"input")
    return path


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def journal(out):
    with Journal.open(out) as journal:
        yield journal


def stage(source, target, content=b"result"):
    staged, _ = write_staged(target, lambda file: file.write(content))
    return staged, hashlib.sha256(source.read_bytes()).hexdigest()


def finish(journal, source, target, content=b"result", work=WORK):
    """Record and commit a result, as a run does."""
    staged, input_sha256 = stage(source, target, content)
    journal.record(source, staged, input_sha256, work)
    commit(staged)


def test_a_finished_image_is_done(journal, source, out):
    finish(journal, source, out / "a.jpg")
    assert journal.find_finished(source, out / "a.jpg", WORK) == out / "a.jpg"


def test_it_is_done_in_the_next_run_too(journal, source, out):
    finish(journal, source, out / "a.jpg")
    journal.close()
    with Journal.open(out) as later:
        assert later.find_finished(source, out / "a.jpg", WORK) == out / "a.jpg"


def test_a_file_that_merely_exists_is_not_done(journal, source, out):
    (out / "a.jpg").write_bytes(b"result")
    assert journal.find_finished(source, out / "a.jpg", WORK) is None


def test_a_row_without_its_file_is_not_done(journal, source, out):
    """A run that was killed between the row and the final name resumes."""
    staged, input_sha256 = stage(source, out / "a.jpg")
    journal.record(source, staged, input_sha256, WORK)
    assert journal.find_finished(source, out / "a.jpg", WORK) is None
    commit(staged)
    assert journal.find_finished(source, out / "a.jpg", WORK)


@pytest.mark.parametrize("content", [b"other!", b"resul", b"results", b""])
def test_a_result_that_was_damaged_or_replaced_is_not_done(journal, source, out, content):
    finish(journal, source, out / "a.jpg")
    (out / "a.jpg").write_bytes(content)
    assert journal.find_finished(source, out / "a.jpg", WORK) is None


def test_a_changed_input_is_not_done(journal, source, out):
    finish(journal, source, out / "a.jpg")
    source.write_bytes(b"edited")
    assert journal.find_finished(source, out / "a.jpg", WORK) is None


def test_a_result_with_other_options_is_not_done(journal, source, out):
    finish(journal, source, out / "a.jpg")
    assert journal.find_finished(source, out / "a.jpg", work_key("model", scale=2)) is None
    assert journal.find_finished(source, out / "a.jpg", work_key("other model", scale=4)) is None


def test_a_result_under_another_name_is_found_by_its_source(journal, source, out):
    finish(journal, source, out / "a-2.jpg")
    assert journal.find_finished(source, out / "a.jpg", WORK) == out / "a-2.jpg"


def test_an_input_that_moved_is_done_by_its_target(journal, source, out):
    finish(journal, source, out / "a.jpg")
    moved = source.rename(source.with_name("moved.jpg"))
    assert journal.find_finished(moved, out / "a.jpg", WORK) == out / "a.jpg"
    assert journal.find_finished(moved, out / "moved.jpg", WORK) is None


def test_an_input_that_moved_is_done_by_its_fallback(journal, source, out):
    finish(journal, source, out / "a.png")
    moved = source.rename(source.with_name("moved.jpg"))
    assert (
        journal.find_finished(moved, out / "a.jpg", WORK, fallback=out / "a.png") == out / "a.png"
    )


def test_an_output_folder_can_be_moved_with_its_journal(journal, source, out, tmp_path):
    finish(journal, source, out / "a.jpg")
    journal.close()
    moved = out.rename(tmp_path / "moved")
    with Journal.open(moved) as later:
        assert later.find_finished(source, moved / "a.jpg", WORK) == moved / "a.jpg"


def test_a_newer_result_replaces_an_older_one(journal, source, out):
    finish(journal, source, out / "a.jpg")
    finish(journal, source, out / "a.jpg", b"larger result", work_key("model", scale=8))
    assert journal.find_finished(source, out / "a.jpg", WORK) is None
    assert journal.find_finished(source, out / "a.jpg", work_key("model", scale=8))


def test_nothing_is_hashed_while_no_row_can_match(journal, source, out, monkeypatch):
    finish(journal, source, out / "a.jpg")
    monkeypatch.setattr("srgan_gp.batch.results.journal.hash_file", None)
    other = source.with_name("b.jpg")
    other.write_bytes(b"input")
    assert journal.find_finished(other, out / "b.jpg", WORK) is None
    assert journal.find_finished(source, out / "a.jpg", work_key("model", scale=2)) is None


def test_a_pipe_in_place_of_the_input_is_not_opened(journal, source, out):
    finish(journal, source, out / "a.jpg")
    source.unlink()
    os.mkfifo(source)
    assert journal.find_finished(source, out / "a.jpg", WORK) is None


def test_names_that_are_not_utf8_are_kept(journal, source, out):
    name = os.fsdecode(b"\xff\xfe\n.jpg")
    odd = source.rename(source.with_name(name))
    finish(journal, odd, out / name)
    assert journal.find_finished(odd, out / name, WORK) == out / name
    assert list(journal.results()) == [(odd, out / name)]


def test_all_results_are_listed_in_pages(journal, source, out, monkeypatch):
    monkeypatch.setattr("srgan_gp.batch.results.journal._ROWS_AT_ONCE", 3)
    targets = [out / f"{number:04}.jpg" for number in range(7)]
    staged, input_sha256 = stage(source, targets[0])
    for target in targets:
        moved = type(staged)(staged.partial, target, staged.size, staged.sha256)
        journal.record(source, moved, input_sha256, WORK)
    assert [target for _, target in journal.results()] == targets


def test_a_row_survives_a_kill(out, source):
    """A child records a row and is killed before it closes anything."""
    code = f"""
import os
from pathlib import Path
from srgan_gp.batch.results.journal import Journal
from srgan_gp.system.files import Staged
journal = Journal.open(Path({str(out)!r}))
staged = Staged(Path("x"), Path({str(out / "a.jpg")!r}), 1, "2")
journal.record(Path({str(source)!r}), staged, "3", "4")
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    with Journal.open(out) as journal:
        assert list(journal.results()) == [(source, out / "a.jpg")]


def test_a_dry_run_creates_no_journal(out):
    assert Journal.open_existing(out) is None
    assert list(out.iterdir()) == []
    Journal.open(out).close()
    with Journal.open_existing(out) as journal:
        assert journal is not None


def journal_file(out):
    return out / JOURNAL_FOLDER / "journal.sqlite"


def refused(out, message):
    """Assert that the journal is refused with one message and not changed."""
    before = journal_file(out).read_bytes()
    with pytest.raises(OutputError, match=message) as refusal:
        Journal.open(out)
    assert "\n" not in str(refusal.value)
    assert journal_file(out).read_bytes() == before


def test_a_journal_that_is_not_a_database_is_refused_and_kept(out):
    journal_file(out).parent.mkdir()
    journal_file(out).write_bytes(b"These are notes of somebody else. " * 100)
    refused(out, "is damaged .* move the folder")


def test_the_database_of_another_program_is_refused_and_kept(out):
    journal_file(out).parent.mkdir()
    connection = sqlite3.connect(journal_file(out))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    refused(out, "is not a journal of srgan-gp")


def test_the_journal_of_a_newer_version_is_refused_and_kept(out):
    Journal.open(out).close()
    connection = sqlite3.connect(journal_file(out))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused(out, "newer srgan-gp")


def test_a_damaged_page_is_found_before_the_work(journal, source, out):
    for number in range(60):
        staged, input_sha256 = stage(source, out / "a.jpg")
        target = out / f"{number}.jpg"
        journal.record(source, type(staged)(staged.partial, target, 1, "2"), input_sha256, WORK)
    journal.close()
    data = bytearray(journal_file(out).read_bytes())
    data[4096:8192] = bytes(4096)
    journal_file(out).write_bytes(data)
    refused(out, "is damaged")


def test_a_journal_that_was_just_begun_is_used(out):
    """So it is after a kill at the first moment."""
    journal_file(out).parent.mkdir()
    journal_file(out).touch()
    Journal.open(out).close()


def test_a_folder_that_cannot_be_written_is_one_message():
    with pytest.raises(OutputError, match=r"The journal .* cannot be used"):
        Journal.open(Path("/proc/self"))


def test_work_keys_ignore_the_order_and_differ_by_any_value():
    assert work_key("a", scale=4, format=None) == work_key("a", format=None, scale=4.0)
    keys = {work_key("a"), work_key("b"), work_key("a", scale=4), work_key("a", scale=2)}
    keys |= {work_key("a", scale="4"), work_key("a", quality=4), work_key("a", scale=None)}
    assert len(keys) == 7


def work_of(sha256, model="m", **options):
    return Work(work_key(sha256, **options), model, sha256, json.dumps(options))


@pytest.mark.parametrize(
    ("made", "now", "kind", "text"),
    [
        (work_of("a", scale=4), work_of("b", scale=4), "model version", "an earlier version of m"),
        (work_of("a", scale=4), work_of("b", scale=2), "work", "other options (scale 4, now 2)"),
        (work_of("a", scale=4), work_of("b", "n", scale=4), "work", "made by m, now n"),
        (work_of("a"), work_of("a"), "image", "another image, or changed since"),
    ],
)
def test_the_journal_tells_how_an_existing_result_differs(source, out, made, now, kind, text):
    with Journal.open(out, made) as journal:
        finish(journal, source, out / "a.jpg", work=made.key)
    (out / "b.jpg").touch()
    with Journal.open(out, now) as journal:
        change = journal.find_change(out / "a.jpg")
        assert change.kind == kind
        assert text in change.text
        change = journal.find_change(out / "b.jpg")
        assert change.kind == "unrecorded"
        assert change.text == "not recorded in the journal of the folder"


def test_a_journal_without_works_of_an_earlier_version_is_used(source, out):
    made = work_of("a", scale=4)
    with Journal.open(out, made) as journal:
        finish(journal, source, out / "a.jpg", work=made.key)
    with closing(sqlite3.connect(journal_file(out))) as old:
        old.execute("DROP TABLE works")
    with Journal.open(out, made) as journal:
        assert journal.find_finished(source, out / "a.jpg", made.key) == out / "a.jpg"
    with Journal.open(out, work_of("b", scale=4)) as journal:
        text = "made with other options or another version of the model"
        assert journal.find_change(out / "a.jpg").text == text
