"""`SkippedFiles`: files that a walk skipped, by kind, and the messages about them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_MAX_KINDS = 4  # that a message lists
_CAMERA_RAW = (
    ".arw", ".cr2", ".cr3", ".crw", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2",
    ".srw",
)  # fmt: skip
_UNREAD_KINDS = {
    **dict.fromkeys(_CAMERA_RAW, "camera raw"),
    ".jxl": "JPEG XL", ".jp2": "JPEG 2000", ".j2k": "JPEG 2000", ".psd": "Photoshop",
    ".ppm": "PPM", ".pgm": "PGM", ".pbm": "PBM", ".pnm": "PNM",
    ".svg": "SVG", ".pdf": "PDF", ".eps": "EPS", ".ico": "ICO", ".tga": "TGA", ".exr": "OpenEXR",
}  # fmt: skip
"""Formats of images that are not read, by suffix."""


@dataclass
class SkippedFiles:
    """Numbers of files and folders that a walk skipped."""

    kinds: Counter[str] = field(default_factory=Counter[str])
    """Files that are hidden or have no suffix of an image, by their suffix in lower case."""
    results: int = 0
    """Results of earlier runs."""
    folders: int = 0
    """Folders not entered: hidden ones, or all when the walk is not recursive."""
    is_recursive: bool = False
    """Whether the walk is."""
    links: int = 0
    """Links to folders."""
    repeated: list[Path] = field(default_factory=list[Path])
    """Not skipped: files that were named, and whose names are those of results."""

    alike: int = 0
    """Not skipped: files found in folders that are named as results, without their images."""
    first_alike: Path | None = None

    own: list[Path] = field(default_factory=list[Path])
    """Not skipped: images in folders that `srgan-gp generate` or `srgan-gp prepare` wrote."""
    prepared: list[Path] = field(default_factory=list[Path])
    """Folders in which a zip file of `srgan-gp prepare` was unpacked."""

    def note_alike(self, path: Path) -> None:
        """Count a file that is named as a result, and keep the path of the first one."""
        self.alike += 1
        self.first_alike = self.first_alike or path

    @property
    def ignored(self) -> int:
        """Number of files that are hidden or have no suffix of an image."""
        return self.kinds.total()

    @property
    def others(self) -> Counter[str]:
        """Kinds of the ignored files that `skipped_lines` does not name."""
        kinds = self.kinds.items()
        return Counter({kind: count for kind, count in kinds if kind not in _UNREAD_KINDS})


def skipped_lines(skipped_files: SkippedFiles) -> Iterator[str]:
    """Yield a line for each kind of image that is not read, and for results among the inputs."""
    for suffix, name in _UNREAD_KINDS.items():
        if count := skipped_files.kinds[suffix]:
            files = f"{count} {suffix} {'file' if count == 1 else 'files'}"
            yield f"{files} skipped: {name} is not read; save as JPEG, PNG or TIFF first"
    if skipped_files.repeated:
        count, first = len(skipped_files.repeated), skipped_files.repeated[0]
        files = "input is the result" if count == 1 else "inputs are results"
        yield f"{count} {files} of an earlier run, enlarged again as named: {first}"
    if skipped_files.alike:
        count, first = skipped_files.alike, skipped_files.first_alike
        files = "input has the name" if count == 1 else "inputs have names"
        yield (
            f"{count} {files} of a result, without the original beside it, and may be enlarged "
            f"for the second time: {first}"
        )
    if skipped_files.own:
        count, first = len(skipped_files.own), skipped_files.own[0]
        files = "input was" if count == 1 else "inputs were"
        yield f"{count} {files} written by srgan-gp generate or prepare, and enlarged too: {first}"
    for folder in skipped_files.prepared:
        yield f"{folder} has the faces of a file of srgan-gp prepare, and they are inputs too"


def dry_run_lines(skipped_files: SkippedFiles) -> Iterator[str]:
    """Yield the lines of a dry run about files that are no inputs."""
    yield from skipped_lines(skipped_files)
    if others := skipped_files.others:
        yield f"other files, ignored: {kinds_text(others)}"
    if skipped_files.results:
        yield f"results of earlier runs, ignored unless they are named: {skipped_files.results}"
    if skipped_files.folders:
        hint = "" if skipped_files.is_recursive else " (-r enters them)"
        yield f"folders inside, not entered{hint}: {skipped_files.folders}"


def kinds_text(kinds: Counter[str]) -> str:
    """List the most frequent kinds of skipped files.

    >>> kinds_text(Counter({".txt": 1, ".mov": 3}))
    '3 .mov, 1 .txt'
    """
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{count} {kind}" for kind, count in ordered[:_MAX_KINDS]]
    if others := sum(count for _, count in ordered[_MAX_KINDS:]):
        parts.append(f"{others} others")
    return ", ".join(parts)


def no_image_message(arguments: Sequence[str], skipped_files: SkippedFiles) -> str:
    """Return why there is no image among the inputs, and what to do."""
    names = ", ".join(arguments)
    reasons: list[str] = []
    if others := skipped_files.others:
        files = "1 other file was" if others.total() == 1 else "other files were"
        reasons.append(f"{files} skipped ({kinds_text(others)})")
    if skipped_files.results:
        count = skipped_files.results
        skipped = "result of an earlier run was" if count == 1 else "results of earlier runs were"
        reasons.append(f"{count} {skipped} skipped; name such files to upscale them again")
    if folders := skipped_files.folders + skipped_files.links:
        reasons.append(f"folders inside were not entered ({folders}; -r enters them)")
    reasons += skipped_lines(skipped_files)
    return f"No image in {names}: {'; '.join(reasons) or 'nothing is there, or nothing matches'}."
