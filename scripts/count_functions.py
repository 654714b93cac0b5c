#!/usr/bin/env python3
"""Count the distinct functions of the package that `srgan-gp upscale IMAGE -o FOLDER` executes.

A profiler hook in every thread notes each call. Functions, methods, generators and lambdas count
once each; module and class bodies and comprehensions do not.

    scripts/count_functions.py [--list] [IMAGE.jpg]

Without an image, a small JPEG is made.
"""

import argparse
import inspect
import sys
import tempfile
import threading
from pathlib import Path
from types import CodeType, FrameType

PACKAGE = str(Path(__file__).resolve().parents[1] / "srgan_gp")
_COMPREHENSIONS = frozenset(["<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"])


def count_functions(image: Path, output: Path) -> list[str]:
    """Upscale an image in this process, which must not have imported the package before.

    Functions that run during the import count too.

    Args:
        image: an input file.
        output: the output folder.

    Returns:
        `file:line name` of each function executed, sorted.

    Raises:
        RuntimeError: the command failed.
    """
    seen: set[CodeType] = set()

    def note_call(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    threading.setprofile(note_call)  # for threads that start later
    sys.setprofile(note_call)  # for this thread
    try:
        from srgan_gp.cli import main

        exit_code = main(["upscale", str(image), "-o", str(output)])
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    if exit_code != 0:
        raise RuntimeError(f"srgan-gp upscale {image} ended with exit code {exit_code}.")
    functions = []
    for code in seen:
        is_ours = code.co_filename.startswith(PACKAGE)
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # module and class bodies lack this flag
        if is_ours and is_function and code.co_name not in _COMPREHENSIONS:
            file = Path(code.co_filename).relative_to(PACKAGE)
            functions.append(f"{file}:{code.co_firstlineno} {code.co_qualname}")
    return sorted(functions)


def main() -> None:
    """Print the count and, with `--list`, each function."""
    parser = argparse.ArgumentParser(
        description="Count the functions of the package that one upscale executes."
    )
    parser.add_argument("image", nargs="?", type=Path, help="an input image [a small JPEG]")
    parser.add_argument("--list", action="store_true", help="also print each function")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = options.image
        if image is None:
            from PIL import Image

            image = Path(folder, "a.jpg")
            Image.radial_gradient("L").resize((48, 32)).convert("RGB").save(image)
        functions = count_functions(image, Path(folder, "out"))
    if options.list:
        print("\n".join(functions))
    print(f"{len(functions)} functions of the package executed by `srgan-gp upscale`")


if __name__ == "__main__":
    main()
