"""Trial run: upscales one image of noise and reports device, provider, precision and speed."""

from typing import Any

from srgan_gp.errors import SrganGpError

SIDE = 256
"""Side of the square image in pixels. In a smaller image the fixed cost of a run would dominate; a
larger one would take long on a slow CPU."""


def run_trial(model: str | None, device: str) -> dict[str, Any]:
    """Upscale a square image of noise twice: the first run is a warm-up, the second one is timed.

    Args:
        model: name or path; None: the default of `Upscaler.load`.
        device: as for `Upscaler.load`.

    Returns:
        `model`; `choice`, a sentence about model and device; `device`; `provider`, ONNX Runtime's
        execution provider; `precision`; `seconds`; and `megapixels_per_second` of the input. If the
        model does not load or run, only `problem`, a message.
    """
    try:
        # Imported here: a broken installation becomes part of the report.
        import numpy as np

        from srgan_gp.inference.upscaler import DEFAULT_MODEL, Upscaler

        upscaler = Upscaler.load(model or DEFAULT_MODEL, device=device)
        noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        for _ in range(2):
            upscaler.upscale(noise)
    except SrganGpError as error:
        return {"problem": str(error)}
    except Exception as error:  # A broken installation can raise anything.
        return {"problem": f"{type(error).__name__}: {error}"}
    report = upscaler.report  # of the second run
    assert report is not None  # `upscale` sets it.
    return {
        "model": report.model,
        "choice": upscaler.choice,
        "device": report.device,
        "provider": report.provider,
        "precision": report.precision,
        "seconds": round(report.seconds, 4),
        "megapixels_per_second": round(SIDE * SIDE / report.seconds / 1e6, 4),
    }
