"""Scores of a model as lines of text, for `srgan-gp evaluate`."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from srgan_gp.evaluation.face_scores import METRICS, NOVELTY, RELATIVE_METRICS, FaceScores
from srgan_gp.evaluation.few_faces import MARK, UNRELIABLE, UNRELIABLE_CLASSES, few_faces_warning
from srgan_gp.evaluation.image_scores import Scores
from srgan_gp.evaluation.readable_images import SkippedImage
from srgan_gp.metrics.pattern import no_texture_line
from srgan_gp.metrics.score_directions import legend
from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScores
from srgan_gp.models.helper_networks import CARD_FEATURES_SHA256


def score_lines(scores: Scores) -> Iterator[str]:
    """Format the scores of a model that upscales: of each image, their mean, and of the set."""
    fidelity = "" if scores.fidelity is None else f" at fidelity {scores.fidelity:g}"
    yield f"{scores.model}{fidelity} on {scores.data}, x{scores.scale}, low-res by {scores.low_res}"
    yield from _skipped_lines(scores.skipped, f"the other {len(scores.pictures)}")
    scores_of_set = scores.of_set()
    # The legend says for each score whether higher or lower is better.
    yield legend([*scores.mean(), *scores_of_set])
    yield from _feature_lines("squeeze distance", scores.feature_network)
    for image in scores.pictures:
        yield _row(image.name, image.by_name())
    yield _row(f"mean of {len(scores.pictures)} images", scores.mean())
    if scores_of_set:
        yield _row("the whole set", scores_of_set)
    original = scores.original_texture
    if original:
        yield _row(f"the originals, {original.windows} flat windows", original.by_name())
    else:
        yield no_texture_line()
    yield from _torchmetrics_lines(scores.torchmetrics)


def face_score_lines(scores: FaceScores) -> Iterator[str]:
    """Format the scores of a model that generates faces, of its baselines and of real faces."""
    side = scores.image_size
    real = f"{scores.validation.count} validation faces ({scores.half})"
    yield (
        f"{scores.name} on {scores.data}: {scores.count} generated faces of {side} x {side}, "
        f"truncation {scores.truncation:g}, against {real}; squeeze and SWD: "
        f"{scores.paired_count} of each"
    )
    yield from _skipped_lines(scores.skipped, "the others")
    titles = {key: title for key, (title, _decimals) in METRICS.items()}
    warning = few_faces_warning(scores.validation.count)  # "" if there are enough
    unreliable = [titles[key] for key in UNRELIABLE] if warning else []
    yield legend(_printed_scores(scores), titles)
    yield from _feature_lines("squeeze distances", scores.feature_network)
    if scores.detector:
        yield f"FD-yunet by the network {scores.detector}"
    yield (
        "FD and SWD are comparable only at equal numbers of faces: here "
        f"{scores.count} generated (--count {scores.count}) and {real}"
    )
    for face_set in (scores.model, *scores.baselines, scores.validation):
        values = face_set.by_name()
        if any(value is not None for value in values.values()):  # None: it could not be measured
            row = {titles[key]: value for key, value in values.items()}
            yield _row(face_set.name, row, unreliable)
    quotients = scores.relative()  # scores of the model divided by those of real faces
    if any(value is not None for value in quotients.values()):
        relative = {RELATIVE_METRICS[key]: value for key, value in quotients.items()}
        yield _row(f"{scores.name} over real, validation", relative)
    if scores.memorisation is not None:
        verdict = "it repeats training faces" if scores.is_memorising else "no sign of memorisation"
        yield f"novelty {scores.memorisation:.4f}: {verdict}"
    yield from _torchmetrics_lines(scores.torchmetrics, UNRELIABLE_CLASSES if warning else ())
    if warning:
        yield f"{MARK} {warning}"


def _printed_scores(scores: FaceScores) -> list[str]:
    """Return the names of the scores that `face_score_lines` prints, in their order."""
    measured = [scores.relative()]
    measured += [face_set.by_name() for face_set in (scores.model, *scores.baselines)]
    measured += [scores.validation.by_name(), {NOVELTY: scores.memorisation}]
    names = dict.fromkeys([*METRICS, *RELATIVE_METRICS, NOVELTY])  # each name once
    return [key for key in names if any(each.get(key) is not None for each in measured)]


def unreadable_images(skipped: Sequence[SkippedImage]) -> str:
    """Say how many images could not be read; there is at least one."""
    return f"{len(skipped)} image{'' if len(skipped) == 1 else 's'} could not be read"


def _skipped_lines(skipped: Sequence[SkippedImage], others: str) -> Iterator[str]:
    """Say how many images were skipped; `others` names the scored ones. No line if none was."""
    if skipped:
        yield f"{unreadable_images(skipped)}: the scores are of {others}"


def _torchmetrics_lines(
    scores: TorchmetricsScores | None, unreliable: Collection[str] = ()
) -> Iterator[str]:
    """Format the scores of `--metrics`; None: they were not requested.

    The values of the metrics in `unreliable` are marked.
    """
    if scores:
        yield f"torchmetrics {scores.version}, {scores.images} images, better if lower:"
        for name, value in scores.values.items():
            metric = name.partition(" ")[0]  # without " mean" and " std" of KID
            arguments = scores.arguments[metric]
            arguments_text = f" ({arguments})" if arguments else ""
            mark = MARK if metric in unreliable else ""
            yield f"  {name}{arguments_text} {value:.4f}{mark}"


def _feature_lines(score_names: str, sha256: str | None) -> Iterator[str]:
    """Name the feature network, and say so if the scores on model cards are by another one.

    Args:
        score_names: the scores that are measured with it, for the line.
        sha256: hash of the network; None: it was not used, and no line is needed.
    """
    if sha256:
        is_of_cards = sha256 == CARD_FEATURES_SHA256
        other = "" if is_of_cards else "; those of the model cards are by another one"
        yield f"{score_names} by the network {sha256}{other}"


def _row(name: str, scores: Mapping[str, float | None], unreliable: Collection[str] = ()) -> str:
    """Format one line of scores; a score that could not be measured is omitted.

    The values of the scores in `unreliable` are marked.
    """
    parts = [
        f"{key} {value:.4f}{MARK if key in unreliable else ''}"
        for key, value in scores.items()
        if value is not None
    ]
    return f"{name}: {', '.join(parts)}"
