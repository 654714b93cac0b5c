"""Execution of one job, from its request to its result: decode and upscale, or generate faces.

Some models have a fidelity partner, a model whose results are closer to the input. The fidelity of
a request is the share of the partner in an average of the two; a look is a name for a fidelity.
"""

from dataclasses import replace

from srgan_gp.inference.devices import INT8, parse_device, restrict_device
from srgan_gp.inference.loading.model_files import check_fidelity, find_weights
from srgan_gp.models.cards import FACES, UPSCALING
from srgan_gp.models.looks import fidelity_of_look
from srgan_gp.models.named_models import model_for_scale
from srgan_gp.serving.decoding.decode_pool import DecodePool
from srgan_gp.serving.jobs.generating import check_generate, generate
from srgan_gp.serving.jobs.job import Job, Request
from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.jobs.job_requests import (
    GenerateRequest,
    Result,
    UpscaleRequest,
    check_upscale,
)
from srgan_gp.serving.jobs.loaded_models import (
    LoadedModels,
    cards_for,
    choose_face_model,
    require_known,
)
from srgan_gp.serving.jobs.model_speeds import ModelSpeeds
from srgan_gp.serving.jobs.upscaling import upscale
from srgan_gp.serving.server_settings import ServerSettings


class JobExecution:
    """Executes the jobs of a service, in the thread that calls `run`.

    Args:
        settings: settings of the server.
        models: loads the networks.
        decoders: processes that decode the images of clients.
    """

    def __init__(
        self, settings: ServerSettings, models: LoadedModels, decoders: DecodePool
    ) -> None:
        self._settings = settings
        self._models = models
        self._decoders = decoders
        self._speeds = ModelSpeeds()

    def seconds_per_megapixel(self, model: str) -> float:
        """Return the seconds that a model takes per megapixel of input; measure them if unknown.

        Raises:
            UsageError: there is no such model for upscaling.
            SrganGpError: the model cannot be used.
        """
        require_known(model, UPSCALING, self._settings.named_models)
        known = self._speeds.get(model)
        if known is not None:
            return known
        never_cancelled = Cancellation()
        with self._models.upscaler(model, fidelity=None, cancellation=never_cancelled) as upscaler:
            # `measure` returns at once if another thread measured while this one waited.
            return self._speeds.measure(model, upscaler)

    def check(self, request: Request) -> None:
        """Check a request before it is submitted, without decoding its image or loading its model.

        Raises:
            UsageError: a value is out of range, unknown, or excluded by another one or the model.
            ModelRefusedError: the model has no valid card, or its fidelity partner is missing.
        """
        if isinstance(request, GenerateRequest):
            check_generate(request)
            require_known(choose_face_model(request.model), FACES)  # no face model is imported
            return
        model, request = self._resolve_model_and_look(request)
        # `restrict_device`, `check_fidelity` and `find_weights` are called for their errors only.
        if request.precision != "auto":
            # Raises if the device of the server cannot run this precision.
            restrict_device(parse_device(self._settings.device), request.precision)
        is_int8 = request.precision == INT8
        if _model_depends_on_scale(request):
            if request.width is not None:
                # The scale, and with it the model, depends on the image. So only the part of
                # `find_weights` that needs no model is checked here, and the rest in `run`.
                check_fidelity(request.fidelity, is_int8=is_int8)
                return
            # The request has no `width`, so the width of the image is not used: 1 stands for it.
            model = self._replace_by_scale(model, request, image_width=1)
        # Raises if the fidelity, the model, its partner or its int8 network cannot be used.
        find_weights(model, request.fidelity, UPSCALING, is_int8=is_int8)

    def run(self, job: Job) -> Result:
        """Execute a job, and return its result.

        Raises:
            Cancelled: the job was cancelled.
            SrganGpError: the request is invalid, or the job failed.
        """
        job.cancellation.raise_if_cancelled()
        if isinstance(job.request, GenerateRequest):
            result = generate(job.request, job.folder, self._models, job.cancellation)
        else:
            model, request = self._resolve_model_and_look(job.request)
            job.cancellation.begin_stage("reading")
            picture = self._decoders.decode(job.request.data, job.request.name, job.cancellation)
            if _model_depends_on_scale(request):
                model = self._replace_by_scale(model, request, picture.width)
            result = upscale(
                request, model, picture, job.folder, self._models, job.cancellation,
                max_pixels=self._settings.max_pixels, speeds=self._speeds,
            )  # fmt: skip
        # Raises if the job was cancelled after its last step; the service then removes its files.
        job.cancellation.raise_if_cancelled()
        return result

    def _resolve_model_and_look(self, request: UpscaleRequest) -> tuple[str, UpscaleRequest]:
        """Check a request; return its model, and the request with a fidelity in place of a look.

        The model is the default one if the request names none.

        Raises:
            UsageError: as for `check`, about the values, the model and its look.
        """
        check_upscale(request)
        model = request.model or self._settings.model
        require_known(model, UPSCALING, self._settings.named_models)  # also refuses a path
        return model, _with_fidelity_of_look(request, model)

    def _replace_by_scale(self, model: str, request: UpscaleRequest, image_width: int) -> str:
        """Return the model that replaces a model for small scales, or the model itself.

        The card of a model may name another model for scales up to 2. It is used if clients of this
        server may use it.

        Args:
            model: name of a known model.
            request: the request, whose look has been replaced by its fidelity.
            image_width: width of the whole image in pixels.
        """
        scale = request.result_scale(image_width)
        if scale is None:  # The request has no scale and no width: the model has its own scale.
            return model
        # The note is a message about the choice, for the command line.
        replacement, _note = model_for_scale(model, scale, request.fidelity)
        usable = {card.name for card in cards_for(UPSCALING, self._settings.named_models)}
        return replacement if replacement in usable else model


def _model_depends_on_scale(request: UpscaleRequest) -> bool:
    """Return whether another model may replace the requested one for small scales."""
    return request.model is None or request.model_by_scale


def _with_fidelity_of_look(request: UpscaleRequest, model: str) -> UpscaleRequest:
    """Return a request with the fidelity that its look is a name for, such as 0 for `crisp`.

    Raises:
        UsageError: the model has no look, or the request has a fidelity too.
    """
    if request.look is None:
        return request
    fidelity = fidelity_of_look(request.look, request.fidelity, model)
    return replace(request, fidelity=fidelity, look=None)
