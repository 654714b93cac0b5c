"""Messages on stderr: they never stop a run and cannot fake another line."""

import io
import sys

import pytest

from srgan_gp.commands.terminal import (
    Rate,
    count_progress,
    print_message,
    printable,
    progress_bar,
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("two\nlines", r"two\nlines"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("gpj\u202e.exe", r"gpj\u202e.exe"),
        ("not \udcff UTF-8", r"not \udcff UTF-8"),
        ("Größe 漢字 \N{GRINNING FACE}", "Größe 漢字 \N{GRINNING FACE}"),
    ],
)
def test_no_character_can_break_a_line(text, printed):
    assert printable(text) == printed


def test_a_closed_stderr_is_ignored(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    print_message("lost")
    with progress_bar(1) as progress:
        progress.print_line("lost as well")
    assert capsys.readouterr().out == ""


def test_lines_without_a_terminal_are_plain(capsys):
    with progress_bar(2) as progress:
        progress.move(1, "a.png")
        progress.print_line("a.png: done")
    assert capsys.readouterr().err == "a.png: done\n"


def test_a_silent_bar_prints_nothing_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(2, is_silent=True) as progress:
        progress.move(1, "a.png")
        progress.print_line("a.png: done")
    assert terminal.getvalue() == ""


def test_a_terminal_shows_the_lines_and_the_current_item(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(2) as progress:
        progress.print_line("[red] a.png: 100 x 100")
        progress.move(1, "b.png")
    printed = terminal.getvalue()
    assert "[red] a.png: 100 x 100\n" in printed.replace("\r\n", "\n")
    assert "b.png" in printed


def test_the_text_has_the_count_the_rate_and_the_remaining_time():
    rate = Rate(100)
    assert rate.record_and_format(0, now=10.0) == "0 of 100"
    assert rate.record_and_format(20, now=20.0) == "20 of 100, 2.00 a second, 0:40 left"


def test_the_remaining_time_is_that_of_the_work():
    """Six small images of seven are done, which is a tenth of the work."""
    rate = Rate(7, "image")
    assert rate.record_and_format(0, now=0.0, share=0.0) == "0 of 7 images, 0 % of the pixels"
    assert (
        rate.record_and_format(6, now=10.0, share=0.1)
        == "6 of 7 images, 10 % of the pixels, 1:30 left"
    )


def test_while_the_last_result_is_written_no_percent_and_no_time_left_are_shown():
    one, several = Rate(1, "image"), Rate(3, "image")
    assert one.record_and_format(0.5, now=0.0) == "50 %"
    assert one.record_and_format(0.75, now=10.0) == "75 %, 0:10 left"
    assert one.record_and_format(1, now=20.0) == ""
    several.record_and_format(0, now=0.0, share=0.0)
    assert several.record_and_format(3, now=9.0, share=1.0) == "3 of 3 images"
    assert Rate(3, "image").record_and_format(3, now=9.0) == "3 of 3 images"


def test_the_rate_is_that_of_the_last_minute():
    rate = Rate(None, "image")
    assert rate.record_and_format(1, now=0.0) == "1 image"
    for second in range(1, 200):
        rate.record_and_format(1_000 + second, now=float(second))
    assert rate.record_and_format(1_200, now=200.0) == "1200 images, 1.00 a second"


def test_without_a_terminal_the_progress_is_a_line_every_few_seconds(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with progress_bar(40) as progress:
        for second in range(21):
            now = float(second)
            progress.move(2 * second, "a.png")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "10 of 40, 2.00 a second, 0:15 left; a.png",
        "20 of 40, 2.00 a second, 0:10 left; a.png",
        "30 of 40, 2.00 a second, 0:05 left; a.png",
        "40 of 40; a.png",
    ]


def test_without_a_terminal_a_long_write_is_one_line(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with progress_bar(1) as progress:
        for second in range(31):
            now = float(second)
            is_written = second > 7
            progress.move(1 if is_written else second / 8, "writing" if is_written else "a.png")
    assert capsys.readouterr().err.splitlines() == ["62 %, 0:03 left; a.png", "writing"]


def test_the_bar_moves_when_an_item_is_done():
    moves = []

    class Counter:
        def print_line(self, text):
            pass

        def move(self, done, text):
            moves.append(done)

    items = count_progress("ab", Counter())
    assert (next(items), moves) == ("a", [])
    assert (next(items), moves) == ("b", [1])
    assert (list(items), moves) == ([], [1, 2])
