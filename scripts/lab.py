#!/usr/bin/env python3
"""Toy experiments with gradient penalties and their report; small applications of WGAN-GP.

`--all` trains every toy run that is missing, which takes up to four hours of one core, and writes
the page docs/background/gradient-penalty-lab.md. `--quick` tests the same in under a minute.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch

from srgan_gp.commands.options.option_types import count
from srgan_gp.errors import SrganGpError
from srgan_gp.lab.experiments import GROUPS, Group, quick
from srgan_gp.lab.toy_cache import read_cached, run_cached
from srgan_gp.lab.toy_report import PAGE, write_report
from srgan_gp.models.catalog import names_in
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.training.device import cpu_threads

ROOT = Path(__file__).resolve().parent.parent
PAGE_FOLDER = ROOT / "docs" / "background"
APPLICATIONS = names_in("srgan_gp.lab.applications")
APPLICATION_TITLE = "## Application: "
WITH_FIGURE = ("paintings",)
"""Applications that write a figure of the page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--all", action="store_true", help="train all missing runs, write the page")
    what.add_argument(
        "--only", nargs="+", choices=GROUPS, help="train missing runs of these groups"
    )
    what.add_argument("--cached", action="store_true", help="write the page from existing runs")
    what.add_argument("--quick", action="store_true", help="a few steps of everything, as a test")
    what.add_argument("--application", choices=APPLICATIONS, help="train one application")
    parser.add_argument("--steps", type=count, help="steps of an application [its own number]")
    text = "its data: zip files and networks; each application names those it needs"
    parser.add_argument("--data", nargs="+", metavar="PATH", help=text)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "lab", help="[runs/lab]")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads [1]")
    options = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    try:
        with cpu_threads(options.threads):
            return _run(options)
    except SrganGpError as error:
        print(f"lab.py: error: {error}", file=sys.stderr)
        return error.exit_code


def _run(options: argparse.Namespace) -> int:
    """Train and write what the options ask for; return the exit code."""
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            groups = {name: quick(group) for name, group in GROUPS.items()}
            _train(groups, Path(folder))
            return _write(groups, Path(folder), Path(folder))
    if options.application:
        chosen = {"steps": options.steps, "data": options.data}
        if options.application in WITH_FIGURE:
            chosen["folder"] = PAGE_FOLDER
        return _run_application(options.application, options.runs, chosen)
    if not options.cached:
        chosen = {name: GROUPS[name] for name in options.only or GROUPS}
        _train(chosen, options.runs)
    return _write(GROUPS, options.runs, PAGE_FOLDER)


def _train(groups: dict[str, Group], runs: Path) -> None:
    for group, rows in groups.items():
        for name, config in rows.items():
            run = run_cached(config, runs)
            print(f"{group}: {name}: {run.history[-1]}, {run.cpu_seconds:.0f} CPU seconds")


def _write(groups: dict[str, Group], runs: Path, folder: Path) -> int:
    """Write the page; an application that was not trained in `runs` keeps its present section."""
    sections = application_sections(folder / f"{PAGE}.md")
    sections |= {path.stem: path.read_text().strip() for path in runs.glob("*.md")}
    texts = [f"{APPLICATION_TITLE}{name}\n\n{sections[name]}" for name in sorted(sections)]
    page = write_report(
        groups, lambda config: read_cached(config, runs), folder, "\n\n".join(texts)
    )
    print(f"Wrote {page}")
    return 0


def application_sections(page: Path) -> dict[str, str]:
    """Read the sections about applications from a page of an earlier call.

    Returns:
        Markdown without the title, by application; empty if the page does not exist.
    """
    if not page.exists():
        return {}
    sections = re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)
    titled = (section.partition("\n") for section in sections)
    return {
        title.removeprefix(APPLICATION_TITLE): text.strip()
        for title, _, text in titled
        if title.startswith(APPLICATION_TITLE)
    }


def _run_application(name: str, runs: Path, chosen: dict[str, object]) -> int:
    """Train an application; keep its figures for the page and print them."""
    module = import_module(f"srgan_gp.lab.applications.{name}")
    text = module.run(**{option: value for option, value in chosen.items() if value})
    runs.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(runs / f"{name}.md", text.encode())
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
