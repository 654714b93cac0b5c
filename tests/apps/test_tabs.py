"""The parts of the page that need no browser."""

import asyncio
import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from gradio.data_classes import FileData, ImageData

from srgan_gp.cards import ModelCard
from srgan_gp.errors import Cancelled, PictureError, UsageError
from srgan_gp.serving.requests import GenerateRequest, Result, UpscaleRequest

APPS = Path(__file__).parents[2] / "apps"


@pytest.fixture(scope="module", autouse=True)
def tabs():
    """Let the modules beside the page be imported, as the page itself does."""
    sys.path.insert(0, str(APPS))
    yield
    sys.path.remove(str(APPS))


def module(name):
    return importlib.import_module(f"gradio_tabs.{name}")


class FakeJob:
    """Ends when it is told to."""

    def __init__(self, on_progress):
        self.on_progress = on_progress
        self.ending = asyncio.get_running_loop().create_future()
        self.is_cancelled = False

    async def result(self):
        return await asyncio.shield(self.ending)

    def cancel(self):
        self.is_cancelled = True
        if not self.ending.done():
            self.ending.set_exception(Cancelled("The job was cancelled."))


class FakeService:
    def __init__(self):
        self.jobs = []

    def submit(self, client, request, *, on_progress):
        self.jobs.append(FakeJob(on_progress))
        return self.jobs[-1]


RESULT = Result(Path("a.png"), "image/png", "a.png")


def test_a_run_gives_its_progress_and_its_result_last():
    runs = module("runs")

    async def follow():
        service = FakeService()
        news = runs.Runs(service).follow("me", GenerateRequest())
        first = await anext(news)
        service.jobs[0].on_progress(3, 4)
        second = await anext(news)
        service.jobs[0].ending.set_result(RESULT)
        return [first, second, *[last async for last in news]]

    assert asyncio.run(follow()) == [runs.Progress(0, 0), runs.Progress(3, 4), RESULT]


def test_a_page_that_is_closed_ends_its_job():
    async def leave():
        service = FakeService()
        news = module("runs").Runs(service).follow("me", GenerateRequest())
        await anext(news)
        await news.aclose()
        return service.jobs[0].is_cancelled

    assert asyncio.run(leave())


def test_stop_ends_the_jobs_of_one_visitor_alone():
    async def stop():
        service = FakeService()
        runs = module("runs").Runs(service)
        followed = [runs.follow(f"page-{name}", GenerateRequest()) for name in ("me", "you")]
        for news in followed:
            await anext(news)
        runs.stop(SimpleNamespace(session_hash="me"))
        cancelled = [job.is_cancelled for job in service.jobs]
        with pytest.raises(Cancelled):
            await anext(followed[0])
        await followed[1].aclose()
        return cancelled

    assert asyncio.run(stop()) == [True, False]


CHOICES = ("photo-x4", "x2", 1920, 0.25, "JPEG", 80, True, "256")


def test_the_widgets_become_a_request():
    upload = module("uploads").Upload(Path("in.png"), "holiday.png")
    wanted = UpscaleRequest(
        Path("in.png"), "holiday.png", model="photo-x4", fidelity=0.25, scale=2.0, format="JPEG",
        quality=80, strip_metadata=False, tile=256,
    )  # fmt: skip
    options = module("options")
    assert options.upscale_request(upload, CHOICES) == wanted
    wide = ("photo-x4", "Width", *CHOICES[2:])
    assert options.upscale_request(upload, wide) == replace(wanted, scale=None, width=1920)


def test_untouched_widgets_ask_for_nothing_but_the_models_own():
    upload = module("uploads").Upload(Path("in.png"), "holiday.png")
    untouched = ("tiny", "x2", 1920, 0, module("options").OWN_FORMAT, 95, False, "Automatic")
    assert module("options").upscale_request(upload, untouched) == UpscaleRequest(
        Path("in.png"), "holiday.png", model="tiny", scale=2.0
    )


def test_a_width_that_is_missing_is_asked_for():
    upload = module("uploads").Upload(Path("in.png"), "holiday.png")
    with pytest.raises(UsageError, match="how many pixels wide"):
        module("options").upscale_request(upload, ("tiny", "Width", None, *CHOICES[3:]))


@pytest.mark.parametrize(
    "payload",
    [
        ImageData(url="data:image/png;base64,iVBORw0KGgo="),
        FileData(path="/tmp/a.png", url="data:image/png;base64,iVBORw0KGgo="),
    ],
)
def test_pixels_inside_a_request_are_refused(payload):
    with pytest.raises(PictureError, match="only an uploaded file"):
        module("uploads").Upload.of(payload)


def test_an_uploaded_file_is_handed_on_unopened():
    uploads = module("uploads")
    given = uploads.PictureInput().preprocess(ImageData(path="/nowhere/a.png", orig_name="b.png"))
    assert given == uploads.Upload(Path("/nowhere/a.png"), "b.png")


def test_the_page_writes_no_file_beside_itself():
    module("uploads")
    assert list(APPS.rglob("*.pyi")) == []


def test_what_a_card_says_is_text():
    card = ModelCard(
        "m", "super-resolution", "Good <script>alert(1)</script>", "1", "A&B", "", "", (), {}, {},
        (), (), scale=2,
    )  # fmt: skip
    told = module("options").describe(card)
    assert "<script>" not in told
    assert "A&amp;B" in told


def test_a_curve_goes_from_corner_to_corner():
    drawn = module("messages").curve("psnr", ((0, 20.0), (50, 25.0), (100, 30.0)))
    assert 'points="0.0,95.0 150.0,50.0 300.0,5.0"' in drawn
    assert "30.000 after 100 images, 20.000 at first" in drawn
