#!/usr/bin/env python3
"""Write the parts of README.md that follow from the code: options, tables, files, and the picture.

scripts/update_readme.py            write the parts between the markers anew
scripts/update_readme.py --check    change nothing; exit 1 when a part is stale
scripts/update_readme.py --strip    make docs/before-after.png anew as well (takes seconds)
"""

import argparse
import ast
import re
import runpy
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from srgan_gp.cli import COMMANDS, CommandParser, build_parser
from srgan_gp.models.cards import FACES, ModelCard, headline, read_card

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
MARKED = re.compile(r"(<!-- begin (?P<name>[^>]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)

STRIP_SOURCE = ROOT / "apps" / "examples" / "cat.png"
STRIP_TARGET = ROOT / "docs" / "before-after.png"
STRIP_BOX = (66, 30, 140, 100)
"""Left, top, width and height of the part that is shown, in pixels of the small photo."""


def main() -> int:
    """Update or check the README; return the exit code."""
    parser = argparse.ArgumentParser(description=first_line(Path(__file__)))
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 when stale")
    parser.add_argument("--strip", action="store_true", help="make the picture anew as well")
    options = parser.parse_args()
    if options.strip:
        make_strip()
    before = README.read_text(encoding="utf-8")
    after = updated(before)
    if options.check:
        if before != after:
            print("README.md is stale: run scripts/update_readme.py", file=sys.stderr)
        return int(before != after)
    README.write_text(after, encoding="utf-8")
    return 0


def updated(text: str) -> str:
    """Return the README's text with every marked part made anew."""
    return MARKED.sub(lambda found: found[1] + part(found["name"]) + "\n" + found[3], text)


def part(name: str) -> str:
    """Make the marked part `name`: `kept`, `models`, `faces`, `tree` or `options COMMAND`."""
    kind, _, argument = name.partition(" ")
    if kind == "options":
        return "```text\n" + "\n".join(option_lines(command_parser(argument))) + "\n```"
    if kind == "models":
        return "\n".join(model_rows())
    if kind == "faces":
        return "\n".join(face_rows())
    if kind == "kept":
        return "\n".join(runpy.run_path(str(ROOT / "scripts" / "what_is_kept.py"))["rows"]())
    if kind == "tree":
        return "```text\n" + "\n".join(tree_lines()) + "\n```"
    raise SystemExit(f"README.md has an unknown marker: {name}")


def command_parser(command: str) -> CommandParser:
    """Find the parser of one command, with its options."""
    if command not in COMMANDS:
        raise SystemExit(f"README.md names an unknown command: {command}")
    for action in build_parser()._actions:  # argparse has no public way to walk a parser
        if isinstance(action.choices, dict):
            found = action.choices[command]
            assert isinstance(found, CommandParser)
            found.complete()
            return found
    raise AssertionError("the command line has no commands")


def option_lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    """List the options of a parser; unlike argparse's own help, the same on every Python."""
    for action in parser._actions:
        names = ", ".join(action.option_strings)
        value = action.metavar or (
            "|".join(action.choices) if action.choices else action.dest.upper()
        )
        if action.option_strings and action.nargs == 0:
            value = ""
        head = f"{names} {value}".strip()
        body = textwrap.wrap(action.help or "", 68, break_on_hyphens=False)
        if len(head) > 28:
            yield head
            head = ""
        for line in body:
            yield f"{head:<30}{line}"
            head = ""


def shipped_cards() -> list[ModelCard]:
    """Read the cards in `weights/`, and none of whoever runs this."""
    return [read_card(path) for path in sorted((ROOT / "weights").glob("*.toml"))]


def model_rows() -> Iterator[str]:
    """List the upscalers, one row each, from their cards alone."""
    yield "| model | what for | enlarges | size | PSNR-Y in dB | licence |"
    yield "|---|---|---|---|---|---|"
    for card in shipped_cards():
        if card.task == FACES:
            continue
        megabytes = card.files["onnx"].bytes / 1e6
        published = f"x{card.scale}, low-res by matlab"
        scores = ", ".join(
            f"{s.set} {s.value:.2f}"
            for s in card.scores
            if s.metric == "PSNR-Y" and s.protocol.startswith(published)
        )
        yield (
            f"| `{card.name}` | {card.summary} | x{card.scale} | {megabytes:.1f} MB "
            f"| {scores} | {card.licence} |"
        )


def face_rows() -> Iterator[str]:
    """List the models of faces in the same way."""
    yield "| model | what for | pixels | size | scores | licence |"
    yield "|---|---|---|---|---|---|"
    for card in shipped_cards():
        if card.task == FACES:
            megabytes = card.files["onnx"].bytes / 1e6
            scores = ", ".join(f"{s.metric} {s.value:.3g}" for s in headline(card))
            yield (
                f"| `{card.name}` | {card.summary} | {card.image_size} x {card.image_size} "
                f"| {megabytes:.1f} MB | {scores} | {card.licence} |"
            )


def tree_lines() -> Iterator[str]:
    """List the files of the package and the scripts, each with the first line of its docstring."""
    for path in sorted(ROOT.glob("srgan_gp/**/*.py"), key=lambda p: (p.parent, p.name)):
        name = path.relative_to(ROOT).as_posix()
        if path.name == "__init__.py":
            name = f"{path.parent.relative_to(ROOT).as_posix()}/"
        yield f"{name:<60}{first_line(path)}"
    for path in sorted(ROOT.glob("scripts/*.py")):
        yield f"{path.relative_to(ROOT).as_posix():<60}{first_line(path)}"
    for name, text in OTHER_FILES.items():
        yield f"{name:<60}{text}"


OTHER_FILES = {
    "scripts/benchmarks/": "What `benchmark.py` measures, one file each.",
    "scripts/check": "Style, types, floors and the fast tests.",
    "scripts/comparison/": "Crops, sheets, keys and the tally of `side_by_side.py`.",
    "scripts/photo_credits.toml": "Authors of training photos that no manifest names.",
    "scripts/recipes/": "The commands that made each shipped model.",
    "apps/examples/": "Three free pictures to try.",
    "weights/": "The shipped models: network, critic, card.",
    "tests/": "Mirrors the package.",
    ".ci/run": "Everything, from a clean checkout.",
}


def first_line(path: Path) -> str:
    """Read the first line of a module's docstring without importing it."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]


def make_strip() -> None:
    """Enlarge a part of an example by bicubic and by photo-x4, and put both side by side."""
    import numpy as np
    from PIL import Image

    from srgan_gp import Upscaler, read_image

    upscaler = Upscaler.load("photo-x4")
    pixels = read_image(STRIP_SOURCE).pixels
    scale = upscaler.scale
    left, top, width, height = STRIP_BOX
    small = Image.fromarray(pixels).crop((left, top, left + width, top + height))
    bicubic = small.resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    whole = upscaler.upscale(pixels)  # with its surroundings, as a user would see it
    sharp = whole[top * scale : (top + height) * scale, left * scale : (left + width) * scale]
    gap = np.full((height * scale, 8, 3), 255, np.uint8)
    STRIP_TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(np.hstack([np.asarray(bicubic), gap, sharp])).save(STRIP_TARGET, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
