"""The tree of the repository, from the docstrings of its folders and modules."""

from collections.abc import Iterator
from pathlib import Path

from generated.marked import first_line

_OTHERS = {
    "apps/": "The page of the app (Gradio), and three free example images.",
    "docs/": "The documentation site; `scripts/build_docs` builds it.",
    "scripts/": "Benchmarks, recipes of the shipped models, generated documents, checks.",
    "tests/": "Tests; the folders mirror the package.",
    "weights/": "The shipped models: network, critic, card.",
}


def folder_lines(root: Path) -> Iterator[str]:
    """List the folders of the package, then the others of the repository."""
    packages = sorted(path.parent for path in root.glob("srgan_gp/**/__init__.py"))
    yield "```text"
    for folder in packages:
        name = f"{folder.relative_to(root).as_posix()}/"
        yield f"{name:<36}{first_line(folder / '__init__.py')}"
    for name, text in _OTHERS.items():
        yield f"{name:<36}{text}"
    yield "```"


def module_lines(root: Path) -> Iterator[str]:
    """List the folders of the package and their modules, a table a folder."""
    for start in sorted(root.glob("srgan_gp/**/__init__.py")):
        folder = start.parent
        yield from ("", f"### {folder.relative_to(root).as_posix()}", "", first_line(start), "")
        modules = [path for path in sorted(folder.glob("*.py")) if path != start]
        if modules:
            yield from ("| module | contents |", "|---|---|")
            for path in modules:
                text = first_line(path).replace("|", "&#124;").replace("<", "&lt;")
                yield f"| `{path.name}` | {text} |"
    yield ""
