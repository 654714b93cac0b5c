"""Lists of the folders and modules of the repository, with the first lines of their docstrings."""

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
"""Descriptions of the folders that are not Python packages with docstrings."""


def folder_lines(root: Path) -> Iterator[str]:
    """Yield the folders of the package, then the others of the repository, as a text block.

    Args:
        root: root of the repository.
    """
    packages = sorted(path.parent for path in root.glob("srgan_gp/**/__init__.py"))
    yield "```text"
    for folder in packages:
        name = f"{folder.relative_to(root).as_posix()}/"
        yield f"{name:<36}{first_line(folder / '__init__.py')}"
    for name, text in _OTHERS.items():
        yield f"{name:<36}{text}"
    yield "```"


def module_lines(root: Path) -> Iterator[str]:
    """Yield a section per folder of the package, with a table of its modules.

    Args:
        root: root of the repository.
    """
    for init_file in sorted(root.glob("srgan_gp/**/__init__.py")):
        folder = init_file.parent
        yield from ("", f"### {folder.relative_to(root).as_posix()}", "", first_line(init_file), "")
        modules = [path for path in sorted(folder.glob("*.py")) if path != init_file]
        if modules:
            yield from ("| module | contents |", "|---|---|")
            for path in modules:
                text = first_line(path).replace("|", "&#124;").replace("<", "&lt;")
                yield f"| `{path.name}` | {text} |"
    yield ""
