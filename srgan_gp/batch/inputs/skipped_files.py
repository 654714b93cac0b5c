"""`SkippedFiles`: files that a walk skipped, inputs that may be mistakes, and messages about both.

A walk (`batch.inputs.walk`) searches the folders and patterns that the user passed, and counts
these files. `batch.report` and dry runs print the messages.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_MAX_KINDS = 4
"""Number of kinds that a message lists, so that it stays short; the others are counted together."""
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
"""Image formats that are not read: name of the format by suffix."""


@dataclass
class SkippedFiles:
    """Files and folders that a walk skipped, and inputs that may be mistakes.

    An input that may be a mistake is upscaled, and a message names it. The fields are
    `named_results`, `likely_results` and `prepared_folders`.
    """

    kinds: Counter[str] = field(default_factory=Counter[str])
    """Files that are not images, by kind: the suffix in lower case, `hidden` or `without a suffix`.
    """
    results: int = 0
    """Number of results of earlier runs, which are not inputs."""
    first_result: Path | None = None
    """Path of the first of `results`."""
    folders: int = 0
    """Number of folders that were not entered, hidden ones aside: in a walk that is not recursive,
    all folders inside; in a recursive one, those that lead back to a parent."""
    hidden_folders: int = 0
    """Number of hidden folders, which are entered only if they are named."""
    is_recursive: bool = False
    """Whether the walk enters folders inside folders."""
    links: int = 0
    """Number of links to folders, which are not followed."""
    named_results: list[Path] = field(default_factory=list[Path])
    """Inputs that are results of earlier runs; the user passed them as files."""
    likely_results: int = 0
    """Number of inputs that were found in a folder and are results by their names alone, such as
    `a_x4.jpg` without the image `a.jpg` beside it."""
    first_likely_result: Path | None = None
    """Path of the first of `likely_results`."""
    prepared_folders: list[Path] = field(default_factory=list[Path])
    """Folders in which a zip of `srgan-gp prepare` was unpacked; the faces in them are inputs."""

    def count_result(self, path: Path) -> None:
        """Count a file for `results`, and keep the path of the first one."""
        self.results += 1
        if self.first_result is None:
            self.first_result = path

    def count_likely_result(self, path: Path) -> None:
        """Count a file for `likely_results`, and keep the path of the first one."""
        self.likely_results += 1
        if self.first_likely_result is None:
            self.first_likely_result = path

    @property
    def ignored(self) -> int:
        """Number of all files in `kinds`: ignored, because they are not images."""
        return self.kinds.total()

    @property
    def others(self) -> Counter[str]:
        """The part of `kinds` for which `skipped_lines` has no line: not a known image format."""
        counts = self.kinds.items()
        return Counter({kind: count for kind, count in counts if kind not in _UNREAD_KINDS})


def skipped_lines(skipped_files: SkippedFiles) -> Iterator[str]:
    """Yield lines about image formats that are not read, and about inputs that may be mistakes."""
    for suffix, name in _UNREAD_KINDS.items():
        if count := skipped_files.kinds[suffix]:
            counted = f"{count} {suffix} {'file' if count == 1 else 'files'}"
            yield f"{counted} skipped: {name} is not read; save as JPEG, PNG or TIFF first"
    if skipped_files.named_results:
        count = len(skipped_files.named_results)
        examples = _and_others(skipped_files.named_results[0], count)
        are_results, them = ("input is the result", "it")
        if count > 1:
            are_results, them = ("inputs are results", "them")
        yield (
            f"{count} {are_results} of an earlier run, enlarged again because you named {them}: "
            f"{examples}"
        )
    if skipped_files.likely_results:
        count = skipped_files.likely_results
        examples = _and_others(skipped_files.first_likely_result, count)
        have_names = "input has the name" if count == 1 else "inputs have names"
        originals = "the original beside it" if count == 1 else "the originals beside them"
        yield (
            f"{count} {have_names} of a result, without {originals}, and may be enlarged for the "
            f"second time: {examples}"
        )
    for folder in skipped_files.prepared_folders:
        yield f"{folder} has the faces of a file of srgan-gp prepare, and they are inputs too"


def listing_lines(
    skipped_files: SkippedFiles,
    *,
    earlier_results: int = 0,
    written_by_srgan_gp: Sequence[Path] = (),
) -> Iterator[str]:
    """Yield the lines that a run prints about its inputs before the first image.

    Args:
        skipped_files: files that the walk skipped.
        earlier_results: number of results of earlier runs that the plan recognised, besides those
            that the walk recognised (`skipped_files.results`).
        written_by_srgan_gp: inputs that `srgan-gp generate` or `srgan-gp prepare` wrote.
    """
    yield from skipped_lines(skipped_files)
    if written_by_srgan_gp:
        count = len(written_by_srgan_gp)
        examples = _and_others(written_by_srgan_gp[0], count)
        were = "was" if count == 1 else "were"
        yield f"{count} of the inputs {were} written by srgan-gp generate or prepare: {examples}"
    count = earlier_results + skipped_files.results
    if count:
        are_not = "1 result of an earlier run is not"
        if count > 1:
            are_not = f"{count} results of earlier runs are not"
        # The plan counts its results only: without a result of the walk there is no example.
        first = skipped_files.first_result
        examples = f": {_and_others(first, count)}" if first else ""
        yield f"{are_not} enlarged again; name such files to enlarge them{examples}"


def _and_others(first: Path | None, count: int) -> str:
    """Return the path of the first of `count` files, and the number of the others if there are."""
    return str(first) if count == 1 else f"{first} and {count - 1} more"


def dry_run_lines(skipped_files: SkippedFiles) -> Iterator[str]:
    """Yield the lines of a dry run about files that are not inputs."""
    yield from skipped_lines(skipped_files)
    if others := skipped_files.others:
        yield f"other files, ignored: {kinds_text(others)}"
    if skipped_files.results:
        yield f"results of earlier runs, ignored unless they are named: {skipped_files.results}"
    if skipped_files.folders:
        hint = "" if skipped_files.is_recursive else " (-r enters them)"
        yield f"folders inside, not entered{hint}: {skipped_files.folders}"
    if skipped_files.hidden_folders:
        yield f"hidden folders, not entered unless they are named: {skipped_files.hidden_folders}"
    if skipped_files.links:
        yield f"links to folders, not followed unless they are named: {skipped_files.links}"


def kinds_text(kinds: Counter[str]) -> str:
    """List the most frequent kinds of skipped files.

    >>> kinds_text(Counter({".txt": 1, ".mov": 3}))
    '3 .mov, 1 .txt'
    """
    # By falling count, then by name.
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{count} {kind}" for kind, count in ordered[:_MAX_KINDS]]
    if others := sum(count for _, count in ordered[_MAX_KINDS:]):
        parts.append(f"{others} others")
    return ", ".join(parts)


def no_image_message(arguments: Sequence[str], skipped_files: SkippedFiles) -> str:
    """Return the message for a run without any image: why, and what to do.

    Args:
        arguments: the inputs as the user passed them.
        skipped_files: files that the walk skipped.
    """
    names = ", ".join(arguments)
    reasons: list[str] = []
    if others := skipped_files.others:
        were = "1 other file was" if others.total() == 1 else "other files were"
        reasons.append(f"{were} skipped ({kinds_text(others)})")
    if skipped_files.results:
        count = skipped_files.results
        were = "result of an earlier run was" if count == 1 else "results of earlier runs were"
        reasons.append(f"{count} {were} skipped; name such files to upscale them again")
    if folders := skipped_files.folders:
        hint = "" if skipped_files.is_recursive else "; -r enters them"
        reasons.append(f"folders inside were not entered ({folders}{hint})")
    if hidden := skipped_files.hidden_folders:
        reasons.append(f"hidden folders are not entered ({hidden}); name such a folder to enter it")
    if links := skipped_files.links:
        reasons.append(
            f"links to folders were not followed ({links}); name such a link to enter it"
        )
    reasons += skipped_lines(skipped_files)
    return f"No image in {names}: {'; '.join(reasons) or 'nothing is there, or nothing matches'}."
