"""`Upscaler`, the public class for upscaling arrays, Pillow images, pictures and files."""

from pathlib import Path
from typing import Any, Literal, Unpack, cast, overload

from srgan_gp.errors import PictureError
from srgan_gp.images import ImageFile, Picture
from srgan_gp.inference.face_enhancement.enhancer_interface import FaceEnhancerInterface
from srgan_gp.inference.face_enhancement.face_options import FaceOptions
from srgan_gp.inference.session_interface import CancelCount, LoadedModel, SessionInterface
from srgan_gp.inference.tiling.tiles import Progress
from srgan_gp.inference.tiling.window_choice import CPU_BUDGET, TileChoice
from srgan_gp.inference.upscale_call import OnStart, UpscaleCall
from srgan_gp.inference.upscale_inputs import CallOptions, File, Image, Many, Mixed, UpscaleInputs
from srgan_gp.inference.upscale_report import UpscaleReport, combine_reports
from srgan_gp.models.catalog import DEFAULT_MODELS

DEFAULT_MODEL = DEFAULT_MODELS["super-resolution"]  # name of the model


class Upscaler(LoadedModel):
    """Upscales images with one model. `Upscaler.load` opens a model by name or path.

    `upscale` takes a file, an array, a Pillow image, a `Picture`, or a list of them. It runs one
    call at a time. Nothing has to be closed: the model is freed with the last reference to it.

    Args:
        session: runs the model. The default None raises a TypeError that names `Upscaler.load`.
        faces: enhances the faces in the results; None leaves them as they are.

    Attributes:
        name: name of the model; with `fidelity` or `tta` followed by words about them.
        fidelity: weight, 0 to 1, of the fidelity partner (a model of the same network that stays
            closer to the input) in an average of the weights of both models; None: no average.
        scale: scale factor of the network.
        sha256: SHA-256 of the ONNX bytes that run, in hex; an average of two models has its own.
        device: device that runs the model, `cpu` or `cuda:N`.
        card: card of the model: licence, training data, scores, limits; None without a card.
        choice: one line with model, device, and why a GPU of the machine is not used.
        face_work: strength, model and detector of the face enhancement, for JSON; else empty.
        report: report of the last call that returned; None before it, or if its list was empty.
        overlap: pixels that the network gets on each side of a tile; None: it is never tiled.

    Raises:
        ModelRefusedError: the model is not for super-resolution.
    """

    def __init__(
        self, session: SessionInterface | None = None, faces: FaceEnhancerInterface | None = None
    ) -> None:
        super().__init__(session, "super-resolution", purpose="upscaling")
        self._faces, self._cancels = faces, CancelCount()
        self.report: UpscaleReport | None = None
        info = self._session.info
        self.scale, self.fidelity, self.overlap = info.scale, info.fidelity, info.overlap
        self.face_work = faces.work_options() if faces else {}

    def __repr__(self) -> str:
        return f"<Upscaler {self.name}: x{self.scale} on {self.device}>"

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        *,
        device: str = "auto",
        threads: int | None = None,
        fidelity: float | None = None,
        look: str | None = None,
        precision: str = "auto",
        faces: FaceOptions | float | None = None,
        tta: bool = False,
    ) -> "Upscaler":
        """Load a model by its name, or any `.onnx` file by its path.

        Args:
            model: a name that `list_models` knows, or a path.
            device: `auto`, `cpu`, `cuda`, `cuda:N`, or `tensorrt` for a GPU with TensorRT.
            threads: CPU threads; None means one for each CPU this process may use.
            fidelity: weight, 0 to 1, of the model's fidelity partner; None: the model as it is.
            look: name of a fidelity instead: `faithful` (1), `natural` (0.5) or `crisp` (0).
            precision: `auto` (float32), `float32`, `float16` for GPUs, or `int8`, faster on a CPU,
                with the difference from float32 that `choice` states; not with `fidelity`.
            faces: weight, 0 to 1, of a second model in small faces of photos; or `FaceOptions`.
            tta: average the results of the eight flips and rotations, in eight times the time.

        Raises:
            ModelRefusedError: a model or the detector is unknown, damaged or unsuitable.
            DeviceError: the requested GPU cannot be used.
            UsageError: a value is wrong or excluded by another, or the face detector is missing.
            TypeError: a value has another type than stated.
        """
        from srgan_gp.inference.session import Session

        run_on: Any = {"device": device, "threads": threads}
        enhancer = None
        if faces is not None:
            from srgan_gp.inference.face_enhancement.face_enhancer import FaceEnhancer

            enhancer = FaceEnhancer.load(faces, lambda name: cls.load(name, **run_on))
        if look is not None:
            from srgan_gp.models.looks import fidelity_of_look

            fidelity = fidelity_of_look(look, fidelity, model)  # refuses both `look` and `fidelity`
        options: Any = {"fidelity": fidelity, "precision": precision, "tta": tta, **run_on}
        return cls(Session.open(model, task="super-resolution", **options), enhancer)

    def sharing(self) -> "Upscaler":
        """Return an upscaler of this session for another thread; `cancel` of any ends all calls."""
        other = Upscaler(self._session, self._faces.sharing() if self._faces else None)
        other._cancels = self._cancels
        return other

    def network_memory(self, height: int, width: int) -> int:
        """Estimate the bytes of main memory that the network takes for an image; 0 on a GPU."""
        needed = height * width * self._session.info.bytes_per_pixel
        return min(needed, CPU_BUDGET) if self.device == "cpu" else 0  # larger images are tiled

    def cancel(self) -> None:
        """End all calls in progress with the exception `Cancelled`. Thread-safe.

        These are the calls of all threads, of this upscaler and of all made by `sharing`. They end
        at the next operation of the network, or after a tile that starts at the same moment. Calls
        that begin later are not affected.
        """
        self._cancels.number += 1
        self._session.cancel()
        if self._faces:
            self._faces.cancel()

    @overload
    def upscale(self, image: ImageFile, **options: Unpack[CallOptions]) -> Picture: ...

    @overload
    def upscale(self, image: Image, **options: Unpack[CallOptions]) -> Image: ...

    @overload
    def upscale(self, image: Many[File], **options: Unpack[CallOptions]) -> list[Picture]: ...

    @overload
    def upscale(self, image: Many[Image], **options: Unpack[CallOptions]) -> list[Image]: ...

    @overload
    def upscale(self, image: Many[Mixed], **options: Unpack[CallOptions]) -> list[Any]: ...

    def upscale(
        self,
        image: Any,
        *,
        scale: float | None = None,
        tile: int | Literal["auto"] | None = "auto",
        on_progress: Progress | None = None,
        scratch_folder: Path | None = None,
    ) -> Any:
        """Upscale an image or a list of images, and return the same kind.

        Grey stays grey, and alpha, ICC profile and metadata are kept. All images are checked first.
        Images of one size are computed in batches, which changes results by rounding only.

        Example:
            >>> import numpy as np
            >>> Upscaler.load().upscale(np.zeros((4, 6, 3), np.uint8)).shape
            (16, 24, 3)

        Args:
            image: array (H, W) or (H, W, 1) grey, (H, W, 2) grey with alpha, (H, W, 3) RGB or
                (H, W, 4) RGBA, of uint8, uint16, or float32 in [0, 1]; a Pillow image; `Picture`;
                path, bytes or file object; or a list, tuple, iterator or (N, H, W, C) of them.
            scale: scale factor; None: the network's. For others, its result is resampled (Lanczos).
            tile: largest side of the tiles in input pixels, without the `overlap` on each side;
                None for the whole image; "auto" chooses by memory. The result is the same,
                unless the card of an imported model calls its tiling approximate.
            on_progress: called with (tiles done, number of tiles); for a list after each batch,
                with (images done, number of images). An exception in it ends the call.
            scratch_folder: folder of the unnamed temporary file that holds a result of more than
                256 MB; where it is None or full, the system's temporary folder is used.

        Returns:
            For an array, (round(H * scale), round(W * scale), ...) of its dtype; for a Pillow image
            a Pillow image; for a file a `Picture`; for several images a list, or an array
            (N, H, W, C) if `image` is one.

        Raises:
            PictureError: a file cannot be read, the result has no pixels or is not finite, or
                there is not enough memory or disk space.
            ModelRefusedError: the model refuses this size, or its metadata states a wrong scale.
            DeviceError: the GPU failed.
            UsageError: the model cannot be tiled, or `scratch_folder` does not exist.
            TypeError: an argument has another type than stated.
            ValueError: an array is not as above, `scale` is not above 0 and 1000 at most, or `tile`
                is not positive.
            Cancelled: `cancel` was called during the call.
        """
        cancels = self._cancels, self._cancels.number  # the call ends when the number changes
        inputs = UpscaleInputs(image, scale, scratch_folder, on_progress)
        results, reports, done = list(inputs.pictures), list[UpscaleReport](), 0
        on_tiles = None if inputs.has_many else on_progress  # a list reports images, not tiles
        for indices in inputs.batches(self._session):
            batch = [inputs.pictures[index] for index in indices]
            options = (scale, tile, on_tiles, scratch_folder)
            try:
                call = UpscaleCall(self._session, *cancels, batch, *options, faces=self._faces)
                upscaled = call.upscale()
            except PictureError as error:  # raised again, with the path of the file in its message
                raise inputs.name_file_in(error) from error.__cause__
            for index, result in zip(indices, upscaled, strict=True):
                results[index] = result
            reports.append(call.report())
            done += len(indices)
            if inputs.has_many and on_progress:
                on_progress(done, len(results))
        self.report = combine_reports(reports, inputs.notes) if reports else None
        return inputs.convert_back(results, scratch_folder)

    def upscale_picture(
        self,
        picture: Picture,
        *,
        scale: float | None = None,
        tile: TileChoice = "auto",
        on_progress: Progress | None = None,
        scratch_folder: Path | None = None,
        on_start: OnStart | None = None,
    ) -> Picture:
        """Upscale a `Picture`, as the command line and the server do; `upscale` gives the same.

        Alpha is upscaled by the network as well. Colours of fully transparent pixels do not affect
        visible ones, and areas that are fully opaque or fully transparent stay exactly so.

        Args:
            picture: the image; its ICC profile, EXIF and other metadata are copied to the result.
            scale: as for `upscale`.
            tile: as for `upscale`; the server passes a limit of pixels.
            on_progress: as for `upscale`; counts the tiles of colour and alpha together.
            scratch_folder: as for `upscale`; the folder of the output file is a good choice.
            on_start: called with the result when its computation begins, to encode its rows as
                they appear; not called if alpha varies or faces are enhanced.

        Raises:
            SrganGpError: as for `upscale`, by its subclasses.
            TypeError: `picture` is something else; `upscale` takes more kinds of images.
        """
        if not isinstance(cast("object", picture), Picture):
            raise TypeError(f"this takes a Picture, not {type(picture).__name__}; use upscale")
        options = (scale, tile, on_progress, scratch_folder, on_start, self._faces)
        cancels = self._cancels, self._cancels.number
        call = UpscaleCall(self._session, *cancels, [picture], *options)
        [result] = call.upscale()
        self.report = call.report()
        return result
