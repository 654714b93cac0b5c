"""Checks of the options of `srgan-gp upscale`, and values that follow from several options.

Heavy modules are imported inside functions, so that `--help` is fast.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError
from srgan_gp.system.paths import is_folder

if TYPE_CHECKING:
    from srgan_gp.batch.naming.output_options import Output
    from srgan_gp.images import Quality


def check_options(options: argparse.Namespace, arguments: list[str], output: "Output") -> None:
    """Check that no options exclude each other, and that the report can be written to its path.

    For `--watch` the inputs are checked too.

    Args:
        options: the parsed command line.
        arguments: the inputs as the user passed them.
        output: folder and names of the results.

    Raises:
        UsageError: two options exclude each other; an option needs another one; the name template
            or the path of the report is not valid; or an input cannot be watched.
    """
    from srgan_gp.batch.report import check_report

    naming = output.naming()  # raises for a wrong name template
    if options.width is not None and options.scale is not None:
        raise UsageError("--width and --scale both set the size; drop one of them.")
    if options.look is not None and options.fidelity is not None:
        raise UsageError("--look is a name for a --fidelity; drop one of them.")
    if options.precision == "int8" and (options.look, options.fidelity) != (None, None):
        raise _int8_error(options)
    for name in ("face_strength", "face_model", "detector"):
        if getattr(options, name) is not None and not options.faces:
            raise UsageError(f"--{name.replace('_', '-')} needs --faces.")
    if options.report is not None:
        check_report(options.report)
    if not options.watch:
        return
    if options.dry_run:
        raise UsageError("--watch waits for images and --dry-run writes nothing; drop one of them.")
    for argument in arguments:
        if not is_folder(Path(argument)):
            raise UsageError(f"--watch needs folders, and {argument} is not a folder.")
        is_output = output.folder.exists() and output.folder.samefile(argument)
        # Results with a suffix are recognised by their names, and not upscaled again.
        if is_output and not naming.adds_to_the_stem:
            raise UsageError(f"The results would be new inputs in {argument}; pass --suffix.")


def _int8_error(options: argparse.Namespace) -> UsageError:
    """Return the error about `--look` or `--fidelity` with int8, with the models to name instead.

    A fidelity from 0 to 1 is the share of a second model, the fidelity partner, in an average of
    two models. A look is a name for a fidelity.

    Raises:
        UsageError: the model has no fidelity partner.
        ModelRefusedError: the model is unknown, or its partner is missing or does not fit.
    """
    from srgan_gp.models.cards import LOOKS, UPSCALING
    from srgan_gp.models.catalog import DEFAULT_MODELS, find_model
    from srgan_gp.models.named_models import find_partner, model_for_scale

    if options.look is not None:
        option, fidelity = f"--look {options.look}", LOOKS[options.look]
        name_in_errors = f"look {options.look}"  # in errors of `find_partner`
    else:
        option, fidelity = f"--fidelity {options.fidelity:g}", options.fidelity
        name_in_errors = "fidelity"
    model = options.model or DEFAULT_MODELS[UPSCALING]
    # As in a run with these options: without -n, the scale decides which model is used.
    if options.model is None and options.scale is not None:
        model, _note_about_choice = model_for_scale(model, options.scale, fidelity)
    partner = find_partner(find_model(model, UPSCALING), option=name_in_errors).name
    if fidelity in (0, 1):
        name = partner if fidelity else model
        return UsageError(
            f"{option} is the model {name} alone; with --precision int8 pass -n {name} instead."
        )
    return UsageError(
        f"{option} mixes two networks, which --precision int8 cannot do; drop one of them, or pass "
        f"-n {model} (crisp) or -n {partner} (faithful) instead of {option}."
    )


def devices_of(options: argparse.Namespace) -> list[str]:
    """Return the names of the devices, such as `cuda:0`; one for each worker process.

    Raises:
        UsageError: options about devices contradict each other.
    """
    if options.address is not None and options.engine != "ray":
        raise UsageError(f"--address {options.address} needs --engine ray.")
    device = options.device or "auto"
    uses_tensorrt = device.startswith("tensorrt")
    names_a_gpu = options.gpu_id is not None or ":" in device
    if options.engine == "ray" and (names_a_gpu or uses_tensorrt):
        raise UsageError("Ray chooses the GPUs; pass --device cuda, cpu or auto.")
    if options.gpu_id is None:
        return [device]
    kind = "tensorrt" if uses_tensorrt else "cuda"
    devices = [f"{kind}:{number}" for number in options.gpu_id]
    # A device with a number, such as `cuda:1`, agrees only with the same single `--gpu-id`.
    if device not in ("auto", kind) and [device] != devices:
        numbers = ",".join(map(str, options.gpu_id))
        raise UsageError(f"--gpu-id {numbers} and --device {options.device} disagree.")
    return devices


def non_default_quality(quality: "Quality") -> "Quality | None":
    """Return a quality without the values that are the default of their format; None: none is left.

    So the journal recognises results that were made without `--quality`.
    """
    from srgan_gp.images import FORMATS

    if isinstance(quality, int):  # of all formats: a default only if all have this default
        defaults = {row.default_quality for row in FORMATS.values() if row.has_quality}
        return None if defaults == {quality} else quality
    changed = {
        name: value for name, value in quality.items() if value != FORMATS[name].default_quality
    }
    return changed or None
