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

    Args:
        options: the parsed command line.
        arguments: the inputs as the user passed them.
        output: folder and names of the results.

    Raises:
        UsageError: two options exclude each other, an option needs another one, or the name
            template or the path of the report is not valid.
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
        # Results with a suffix are recognised as results, and not upscaled again.
        if naming.adds_to_the_stem or not output.folder.exists():
            continue
        if output.folder.samefile(argument):
            raise UsageError(f"The results would be new inputs in {argument}; pass --suffix.")


def _int8_error(options: argparse.Namespace) -> UsageError:
    """Return the error about `--look` or `--fidelity` with int8, with the models to name instead.

    Raises:
        UsageError: the model has no fidelity partner.
        ModelRefusedError: the model is unknown, or its partner is missing or does not fit.
    """
    from srgan_gp.models.cards import LOOKS, UPSCALING
    from srgan_gp.models.catalog import DEFAULT_MODELS, find_model
    from srgan_gp.models.named_models import find_partner, model_for_scale

    fidelity, option, partner_option = options.fidelity, "--fidelity", "fidelity"
    if options.look is not None:
        fidelity = LOOKS[options.look]
        option, partner_option = f"--look {options.look}", f"look {options.look}"
    model = options.model or DEFAULT_MODELS[UPSCALING]
    if options.model is None and options.scale is not None:
        model, _ = model_for_scale(model, options.scale, fidelity)
    # `partner_option` is how an error of `find_partner` names the option.
    partner = find_partner(find_model(model, UPSCALING), partner_option).name
    if options.look is None:
        option += f" {fidelity:g}"
    ends = {0.0: model, 1.0: partner}
    if fidelity in ends:
        name = ends[fidelity]
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
    has_number = options.gpu_id or ":" in (options.device or "")
    if options.engine == "ray" and (has_number or options.device == "tensorrt"):
        raise UsageError("Ray chooses the GPUs; pass --device cuda, cpu or auto.")
    if options.gpu_id is None:
        return [options.device or "auto"]
    kind = "tensorrt" if options.device == "tensorrt" else "cuda"
    devices = [f"{kind}:{number}" for number in options.gpu_id]
    # `--device cuda:1` agrees only with `--gpu-id 1`.
    if options.device not in (None, "auto", kind) and [options.device] != devices:
        numbers = ",".join(map(str, options.gpu_id))
        raise UsageError(f"--gpu-id {numbers} and --device {options.device} disagree.")
    return devices


def non_default_quality(quality: "Quality") -> "Quality | None":
    """Return a quality without the values that are the default of their format; None: none is left.

    So the journal recognises results that were made without `--quality`.
    """
    from srgan_gp.images import FORMATS

    if isinstance(quality, int):  # the quality of all formats
        defaults = {row.default_quality for row in FORMATS.values() if row.has_quality}
        return None if defaults == {quality} else quality
    changed = {
        name: value for name, value in quality.items() if value != FORMATS[name].default_quality
    }
    return changed or None
