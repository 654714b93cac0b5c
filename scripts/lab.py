#!/usr/bin/env python3
"""Toy experiments with gradient penalties and their report; small applications of WGAN-GP.

A toy run trains a generator of points in the plane. Runs are in groups, one per table or figure of
the page docs/background/gradient-penalty-lab.md. `--all` trains every run that is missing, which
takes up to four hours of one core, and writes the page. `--quick` does the same with a few steps in
under a minute, as a test.

An application is a module of `srgan_gp.lab.applications`; its result is a section of the page.
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
"""Start of the heading of an application's section; its name follows."""
WITH_FIGURE = ("paintings",)
"""Applications that write a figure of the page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--all", action="store_true", help="train all missing runs, write the page")
    action.add_argument(
        "--only", nargs="+", choices=GROUPS, help="train missing runs of these groups"
    )
    action.add_argument("--cached", action="store_true", help="write the page from existing runs")
    action.add_argument("--quick", action="store_true", help="a few steps of everything, as a test")
    action.add_argument("--application", choices=APPLICATIONS, help="train one application")
    parser.add_argument("--steps", type=count, help="steps of an application [its own number]")
    text = "its data: zip files and networks; each application names those it needs"
    parser.add_argument("--data", nargs="+", metavar="PATH", help=text)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "lab", help="[runs/lab]")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads [1]")
    options = parser.parse_args(arguments)
    # Vanishing gradients are denormal numbers, with which a CPU computes slowly.
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
            return _write(groups, runs=Path(folder), folder=Path(folder))
    if options.application:
        arguments = {"steps": options.steps, "data": options.data}
        if options.application in WITH_FIGURE:
            arguments["folder"] = PAGE_FOLDER
        return _run_application(options.application, options.runs, arguments)
    if not options.cached:
        groups = {name: GROUPS[name] for name in options.only or GROUPS}
        _train(groups, options.runs)
    return _write(GROUPS, runs=options.runs, folder=PAGE_FOLDER)


def _train(groups: dict[str, Group], runs: Path) -> None:
    """Train the missing runs of groups into the folder `runs`; print the last record of each."""
    for group_name, group in groups.items():
        for name, config in group.items():
            run = run_cached(config, runs)
            print(f"{group_name}: {name}: {run.history[-1]}, {run.cpu_seconds:.0f} CPU seconds")


def _write(groups: dict[str, Group], runs: Path, folder: Path) -> int:
    """Write the page; an application that was not trained in `runs` keeps its present section.

    Args:
        groups: options of the toy runs, by group.
        runs: folder of the toy runs, and of the sections of applications, NAME.md.
        folder: gets the page and its figures.

    Returns:
        The exit code, 0.
    """
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
    sections: dict[str, str] = {}
    for section in re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE):
        title, _, text = section.partition("\n")
        if title.startswith(APPLICATION_TITLE):
            sections[title.removeprefix(APPLICATION_TITLE)] = text.strip()
    return sections


def _run_application(name: str, runs: Path, arguments: dict[str, object]) -> int:
    """Train an application; save its section of the page as RUNS/NAME.md, and print it.

    Args:
        name: the application.
        runs: the folder RUNS.
        arguments: arguments of the function `run` of the application. None, for an option that was
            not given, is omitted, so that the default of the function applies.

    Returns:
        The exit code, 0.
    """
    module = import_module(f"srgan_gp.lab.applications.{name}")
    given = {parameter: value for parameter, value in arguments.items() if value is not None}
    section = module.run(**given)
    runs.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(runs / f"{name}.md", section.encode())
    print(section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
