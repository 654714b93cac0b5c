"""Parts of the page that need no browser."""

import asyncio
import importlib
import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.data_classes import FileData, ImageData

from srgan_gp.errors import BusyError, Cancelled, OutputError, PictureError, UsageError
from srgan_gp.inference.devices import allows_int8
from srgan_gp.models.cards import Int8Record, ModelCard
from srgan_gp.models.catalog import list_models
from srgan_gp.serving.finetuning.training_progress import TrainingState
from srgan_gp.serving.jobs.job_progress import JobProgress
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, UpscaleRequest

APPS = Path(__file__).parents[2] / "apps"


pytestmark = pytest.mark.usefixtures("tabs")


def module(name):
    return importlib.import_module(f"gradio_tabs.{name}")


class FakeJob:
    """A job that ends when its future is set."""

    def __init__(self):
        self.progress = JobProgress()
        self.ending = asyncio.get_running_loop().create_future()
        self.is_cancelled = False

    async def result(self):
        return await asyncio.shield(self.ending)

    def cancel(self):
        self.is_cancelled = True
        if not self.ending.done():
            self.ending.set_exception(Cancelled("The job was cancelled."))


class FakeService:
    """A service, and the history of its jobs."""

    def __init__(self):
        self.jobs, self.owners, self.held = [], [], []
        self.service = self

    def submit(self, owner, request, *, title, tab, address):
        self.jobs.append(FakeJob())
        self.owners.append(owner)
        return SimpleNamespace(id=f"job{len(self.jobs)}", job=self.jobs[-1])

    def check(self, request):
        """Accepts every request."""

    def count_jobs_ahead(self, job):
        return 2

    def folder(self, client):
        return Path(client)

    def hold(self, path):
        self.held.append(path)

    def release(self, path):
        self.held.remove(path)


RESULT = Result(Path("a.png"), "image/png", "a.png")
ME = SimpleNamespace(session_hash="me", client=None)


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def tab_runs(service):
    return module("results.runs").Runs(service, "upscale")


def upload(name):
    return module("inputs.uploads").Upload(Path(name), name)


def test_a_run_yields_its_progress_and_then_its_result(service, tab_runs):
    progress = module("results.tab_run").Progress

    async def follow():
        with tab_runs.registered_run("page-me", []) as run:
            updates = run.follow(GenerateRequest())
            first = await anext(updates)
            service.jobs[0].progress = JobProgress("running").after(3, 4)
            second = await anext(updates)
            service.jobs[0].ending.set_result(RESULT)
            return [first, second, *[last async for last in updates]]

    first, second, last = asyncio.run(follow())
    assert first == progress(ahead=2)
    assert second.stage == "running"
    assert 75 <= second.percent <= 100
    assert last == RESULT


def test_a_run_continues_when_its_page_is_closed(service, tab_runs):
    panel = module("results.panel")

    async def steps(run):
        async for update in run.follow(GenerateRequest()):
            yield {"view": update}

    async def leave():
        widgets = panel.Panel("start", "stop", "status")
        updates = panel.execute_run(widgets, tab_runs, ME, [], steps)
        await anext(updates)
        while not service.jobs:
            await asyncio.sleep(0)
        await updates.aclose()
        is_cancelled = service.jobs[0].is_cancelled
        service.jobs[0].ending.set_result(RESULT)
        while tab_runs._runs:
            await asyncio.sleep(0.01)
        return is_cancelled

    assert not asyncio.run(leave())


def test_jobs_belong_to_the_visitor_of_the_cookie(service):
    requests = module("inputs.page_requests")
    scope = {"visitor": "0f"}
    mine = SimpleNamespace(session_hash="a", request=SimpleNamespace(scope=scope))
    assert requests.visitor_of(mine) == "visitor-0f"
    assert requests.visitor_of(ME) == requests.page_of(ME) == "page-me"


def test_stop_cancels_the_run_of_one_visitor_only(service, tab_runs):
    async def stop():
        with (
            tab_runs.registered_run("page-me", []) as mine,
            tab_runs.registered_run("page-you", []) as yours,
        ):
            followed = [run.follow(GenerateRequest()) for run in (mine, yours)]
            for updates in followed:
                await anext(updates)
            tab_runs.stop(ME)
            cancelled = [job.is_cancelled for job in service.jobs]
            with pytest.raises(Cancelled):
                await anext(followed[0])
            await followed[1].aclose()
            return cancelled

    assert asyncio.run(stop()) == [True, False]


def test_stop_between_two_jobs_ends_the_run(service, tab_runs):
    async def stop():
        with tab_runs.registered_run("page-me", []) as run:
            tab_runs.stop(ME)
            with pytest.raises(Cancelled):
                await anext(run.follow(GenerateRequest()))

    asyncio.run(stop())
    assert service.jobs == []


def refusals(service, monkeypatch, *errors):
    """Raise errors for the first jobs, as a full queue does."""
    submit, left = service.submit, list(errors)

    def submit_or_refuse(*arguments, **options):
        if left:
            raise left.pop(0)
        return submit(*arguments, **options)

    monkeypatch.setattr(service, "submit", submit_or_refuse)
    return left


def test_a_run_waits_while_the_queue_is_full(service, tab_runs, monkeypatch):
    left = refusals(service, monkeypatch, BusyError("Too many."), BusyError("Too many."))

    async def follow():
        with tab_runs.registered_run("page-me", []) as run:
            updates = run.follow(GenerateRequest())
            await anext(updates)
            service.jobs[0].ending.set_result(RESULT)
            return [last async for last in updates]

    assert asyncio.run(follow()) == [RESULT]
    assert left == []


def test_stop_ends_the_wait_for_the_queue(service, tab_runs, monkeypatch):
    left = refusals(service, monkeypatch, *[BusyError("Too many.")] * 10_000)

    async def stop():
        with tab_runs.registered_run("page-me", []) as run:
            waiting = asyncio.ensure_future(anext(run.follow(GenerateRequest())))
            while len(left) == 10_000:
                await asyncio.sleep(0.001)
            tab_runs.stop(ME)
            with pytest.raises(Cancelled):
                await waiting

    asyncio.run(stop())


def test_a_server_that_shuts_down_is_not_waited_for(service, tab_runs, monkeypatch):
    refusals(service, monkeypatch, BusyError("It ends.", retry_seconds=61))

    async def follow():
        with (
            tab_runs.registered_run("page-me", []) as run,
            pytest.raises(BusyError, match="It ends"),
        ):
            await anext(run.follow(GenerateRequest()))

    asyncio.run(follow())


def test_a_visitor_has_one_run_in_a_tab(tab_runs):
    with tab_runs.registered_run("page-me", []) as first:
        with (
            tab_runs.registered_run("page-me", []) as second,
            tab_runs.registered_run("page-you", []) as other,
        ):
            assert second is None
            assert None not in (first, other)
        with tab_runs.registered_run("page-me", []) as still:
            assert still is None
    with tab_runs.registered_run("page-me", []) as next_one:
        assert next_one is not None


def test_files_of_a_run_are_held_until_it_ends(service, tab_runs):
    with tab_runs.registered_run("page-me", [upload("a.png"), upload("b.png")]):
        assert service.held == [Path("a.png"), Path("b.png"), Path("page-me")]
    assert service.held == []


def test_a_run_without_a_folder_ends_properly(service, tab_runs, monkeypatch):
    def fail(client):
        raise OutputError("the disk is full")

    monkeypatch.setattr(service, "folder", fail)
    for _ in range(2):
        with tab_runs.registered_run("page-me", [upload("a.png")]) as run:
            assert run is not None, "the job reports the error"
    assert service.held == []


def test_other_images_do_not_stop_a_run(service, tab_runs):
    async def follow():
        with tab_runs.registered_run("page-me", [upload("a.png")]) as run:
            await anext(run.follow(GenerateRequest()))
            is_old = tab_runs.has_old_message(ME, [upload("b.png")])
            return is_old, service.jobs[0].is_cancelled

    assert asyncio.run(follow()) == (False, False)


def test_an_unknown_model_and_a_wrong_number_are_different_errors():
    compare = module("compare")

    def message(*names):
        steps = compare._compare_models(
            None, {"a": None, "b": None}, upload("a.png"), names, None, None
        )
        with pytest.raises(UsageError) as caught:
            asyncio.run(anext(steps))
        return str(caught.value)

    assert message("a", "gone") == "There is no model gone. Reload the page."
    assert message("a") == "Choose 2 to 4 models, not 1."


def test_the_region_of_a_click_is_used_for_the_clicked_image_only():
    compare = module("compare")
    region = (8, 16, 32, 32)
    clicked = compare.ClickedRegion(Path("a.png"), region)
    assert compare.region_on(upload("a.png"), clicked) == region
    assert compare.region_on(upload("b.png"), clicked) is None, "a click on the image before"
    assert compare.region_on(None, clicked) is None
    assert compare.region_on(upload("a.png"), None) is None


def test_a_click_and_the_start_button_compare_the_region_of_their_image(monkeypatch, tab_runs):
    compare = module("compare")
    handlers, regions = [], []
    monkeypatch.setattr(compare, "connect", lambda _, __, work, *___, **____: handlers.append(work))
    monkeypatch.setattr(compare, "connect_status_clearing", lambda *_: None)

    async def execute_run(panel, runs, request, uploads, steps, **_):
        regions.append(steps.args[-1])
        yield {}

    monkeypatch.setattr(compare, "execute_run", execute_run)
    cards = {card.name: card for card in list_models() if card.name in ("photo-x4", "face-x4")}

    async def build():  # in an event loop, of which Gradio would make one that nobody closes
        with gr.Blocks(analytics_enabled=False):
            compare.build_compare_tab(tab_runs, cards)

    async def results(updates):
        return [update async for update in updates]

    asyncio.run(build())
    start, click = handlers
    scope = {"request_number": 1}
    request = SimpleNamespace(session_hash="me", client=None, request=SimpleNamespace(scope=scope))
    selection = module("inputs.selections").Selection(None, {"index": [200, 100]})
    first, second = upload("a.png"), upload("b.png")
    [changes, _] = asyncio.run(results(click(selection, request, first, [], None)))
    [clicked] = changes.values()
    asyncio.run(results(start(request, first, [], clicked)))
    asyncio.run(results(start(request, second, [], clicked)))
    assert regions == [clicked.region, clicked.region, None]


def test_a_message_stays_when_the_event_of_its_images_is_late(tab_runs):
    with tab_runs.registered_run("page-me", [upload("a.png")]):
        pass
    assert not tab_runs.has_old_message(ME, [upload("a.png")])
    assert tab_runs.has_old_message(ME, [])
    tab_runs.drop_page_data(ME)
    assert tab_runs.has_old_message(ME, [upload("a.png")])


def clicked(panel, tab_runs, name, seen, number):
    """Start the preview of the click with this request number; it runs until it is stopped."""
    scope = {"request_number": number}
    request = SimpleNamespace(session_hash="me", client=None, request=SimpleNamespace(scope=scope))

    async def steps(run):
        async for _ in run.follow(GenerateRequest()):
            yield {"view": name}

    async def click():
        widgets = panel.Panel("start", "stop", "status")
        run = panel.execute_run(widgets, tab_runs, request, [], steps, is_replaceable=True)
        async for update in run:
            seen.append((name, update))

    return asyncio.ensure_future(click())


@pytest.mark.parametrize("begun", [("second", "third"), ("third", "second")])
def test_of_several_clicks_the_last_wins(service, tab_runs, begun):
    panel = module("results.panel")

    async def click_three_times():
        seen = []
        clicks = [clicked(panel, tab_runs, "first", seen, 1)]
        while not service.jobs:
            await asyncio.sleep(0)
        numbers = {"second": 2, "third": 3}
        clicks += [clicked(panel, tab_runs, name, seen, numbers[name]) for name in begun]
        while len(service.jobs) < 2:
            await asyncio.sleep(0)
        service.jobs[1].ending.set_result(RESULT)
        await asyncio.gather(*clicks)
        return seen

    seen = asyncio.run(click_three_times())
    assert [job.is_cancelled for job in service.jobs] == [True, False]
    assert seen[-1][0] == "third"
    assert "Stopped" not in str(seen)
    with tab_runs.registered_run("page-me", []), tab_runs.registered_run("page-me", []) as preview:
        assert preview is None, "a run that is not replaceable continues"


def test_a_click_that_comes_with_another_one_replaces_it(service, tab_runs):
    panel = module("results.panel")

    async def click_twice():
        seen = []
        clicks = [clicked(panel, tab_runs, name, seen, number)
                  for number, name in enumerate(("first", "second"))]  # fmt: skip
        while "second" not in dict(seen):
            await asyncio.sleep(0)
        while not service.jobs:
            await asyncio.sleep(0)
        service.jobs[-1].ending.set_result(RESULT)
        await asyncio.gather(*clicks)
        return seen

    assert {"view": "second"}.items() <= asyncio.run(click_twice())[-1][1].items()


def test_an_event_before_the_latest_of_its_page_is_not_registered(tab_runs):
    assert tab_runs.register_event("page-me", 5)
    assert tab_runs.register_event("page-me", 5), "the same event may be registered twice"
    assert not tab_runs.register_event("page-me", 4)
    assert tab_runs.register_event("page-you", 4)


def test_a_second_press_of_a_button_replaces_no_run(service, tab_runs):
    panel = module("results.panel")

    async def press():
        async def steps(run):
            async for update in run.follow(GenerateRequest()):
                yield {"view": update}

        widgets = panel.Panel("start", "stop", "status")
        updates = panel.execute_run(
            widgets, tab_runs, ME, [], steps, is_replaceable=True, replaces=False
        )
        return [update async for update in updates]

    async def press_twice():
        first = asyncio.ensure_future(press())
        while not service.jobs:
            await asyncio.sleep(0)
        await press()
        service.jobs[0].ending.set_result(RESULT)
        await first

    asyncio.run(press_twice())
    assert [job.is_cancelled for job in service.jobs] == [False]


def updates_of(*steps):
    """Return all updates of a run with these steps; an exception among them is raised."""
    panel = module("results.panel")

    async def stepping():
        for step in steps:
            if isinstance(step, Exception):
                raise step
            yield step

    async def collect():
        widgets = panel.Panel("start", "stop", "status")
        return [update async for update in panel.with_button_states(widgets, stepping())]

    return asyncio.run(collect())


def test_each_update_repeats_those_before():
    updates = updates_of({"view": 1}, {"status": "half"}, {"download": 2})
    for earlier, later in itertools.pairwise(updates):
        assert earlier.keys() <= later.keys()
    last = updates[-1]
    assert (last["view"], last["status"], last["download"]) == (1, "half", 2)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Cancelled("x"), "Stopped. Nothing was kept."),
        (PictureError("E_DAMAGED", "it is damaged"), "cannot be used: it is damaged."),
        (UsageError("Choose two."), "Choose two."),
        (OSError("/secret/path"), "Something went wrong inside the server"),
    ],
)
def test_after_every_end_of_a_run_the_start_button_is_enabled(error, text):
    last = updates_of({"view": 1}, error)[-1]
    assert text in last["status"]
    assert "secret" not in last["status"]
    assert last["start"].interactive
    assert not last["stop"].interactive


CHOICES = ("photo-x4", "x2", 1920, 0.25, "Exact", "JPEG", 80, True, "256", 0.5)


def test_the_widgets_become_a_request():
    image = module("inputs.uploads").Upload(Path("in.png"), "holiday.png")
    wanted = UpscaleRequest(
        Path("in.png"), "holiday.png", model="photo-x4", model_by_scale=True, fidelity=0.25,
        scale=2.0, format="JPEG", quality=80, strip_metadata=False, tile=256, faces=0.5,
    )  # fmt: skip
    options = module("options")
    assert options.upscale_request(image, CHOICES) == wanted
    wide = ("photo-x4", "Width", *CHOICES[2:])
    assert options.upscale_request(image, wide) == replace(wanted, scale=None, width=1920)


def test_default_values_give_a_default_request():
    image = module("inputs.uploads").Upload(Path("in.png"), "holiday.png")
    untouched = (
        "tiny",
        "x2",
        1920,
        0,
        "Exact",
        module("options").OWN_FORMAT,
        95,
        False,
        "Automatic",
        0,
    )
    assert module("options").upscale_request(image, untouched) == UpscaleRequest(
        Path("in.png"), "holiday.png", model="tiny", model_by_scale=True, scale=2.0
    )


def built_options(cards, *, has_fast_mode):
    """Build the options of models with `photo-x4` selected; return the page and the options."""

    async def build():  # in an event loop, of which Gradio would make one that nobody closes
        with gr.Blocks(analytics_enabled=False) as page:
            options = module("options").build_options(
                cards, "photo-x4", "name", has_fast_mode=has_fast_mode
            )
        return page, options

    return asyncio.run(build())


@pytest.mark.parametrize(
    ("device", "is_offered"), [("cpu", True), ("auto", True), ("cuda:0", False)]
)
def test_the_fast_mode_is_offered_only_where_the_device_can_run_it(device, is_offered):
    """Also after another model is chosen; on a GPU its jobs would be refused."""
    cards = {card.name: card for card in list_models() if card.name in ("photo-x4", "face-x4")}
    assert cards["photo-x4"].int8 is not None
    page, options = built_options(cards, has_fast_mode=allows_int8(device))
    assert options.speed.visible == is_offered
    [choose] = [event.fn for event in page.fns.values() if event.inputs == [options.model]]
    assert [choose(name)[-1].visible for name in cards] == [
        is_offered and card.int8 is not None for card in cards.values()
    ]


@pytest.mark.parametrize(
    ("size", "about", "difference"),
    [
        ("x2", ["Of small. Licence: MIT."], "0.5"),
        ("x3", ["Of photo-x4. Licence: MIT."], "0.8"),
        (
            "Width",
            ["Used up to x2. Of small. Licence: MIT.", "Used above x2. Of photo-x4. Licence: MIT."],
            "0.5 to 0.8",
        ),
    ],
)
def test_texts_are_about_the_models_that_a_size_may_use(size, about, difference):
    def card(name, scale, x2_model, mean_difference):
        return ModelCard(
            name, "super-resolution", f"Of {name}.", "1", "MIT", "", "", (), {}, {}, (), (),
            scale=scale, x2_model=x2_model,
            int8=Int8Record(9.0, mean_difference, 50.0, "16 training crops"),
        )  # fmt: skip

    cards = {"photo-x4": card("photo-x4", 4, "small", 0.79), "small": card("small", 2, None, 0.45)}
    page, options = built_options(cards, has_fast_mode=True)
    [event] = [
        event for event in page.fns.values() if event.inputs == [options.scale, options.model]
    ]
    assert (event.outputs[0], event.outputs[2]) == (options.width, options.speed)
    choose = event.fn
    width, text, speed = choose(size, "photo-x4")
    assert width.visible == (size == "Width")
    assert text == "".join(f"<p>{paragraph}</p>" for paragraph in about)
    assert f"differs by {difference} of 255" in speed.info
    _width, text, speed = choose(size, "small")
    assert text == "<p>Of small. Licence: MIT.</p>"
    assert "differs by 0.5 of 255" in speed.info


def test_a_missing_width_is_an_error():
    with pytest.raises(UsageError, match="width of the result"):
        module("options").upscale_request(upload("in.png"), ("tiny", "Width", None, *CHOICES[3:]))


@pytest.mark.parametrize(
    "payload",
    [
        ImageData(url="data:image/png;base64,iVBORw0KGgo="),
        FileData(path="/tmp/a.png", url="data:image/png;base64,iVBORw0KGgo="),
    ],
)
def test_pixels_inside_a_request_are_refused(payload):
    with pytest.raises(PictureError, match="only an uploaded file"):
        module("inputs.uploads").Upload.of(payload)


def test_an_uploaded_file_is_not_opened():
    uploads = module("inputs.uploads")
    given = uploads.ImageInput().preprocess(ImageData(path="/nowhere/a.png", orig_name="b.png"))
    assert given == uploads.Upload(Path("/nowhere/a.png"), "b.png")


@pytest.mark.parametrize("values", [[], [7], [{"path": []}], ["neither"]])
def test_values_that_fit_no_field_are_refused_with_a_message(values):
    async def send():
        with gr.Blocks(analytics_enabled=False) as page:
            field = gr.Radio(["one", "two"]) if values == ["neither"] else gr.File()
            field.change(lambda value: None, field)
        module("inputs.invalid_values").refuse_invalid_values(page)
        await page.preprocess_data(page.fns[0], values, None)

    with pytest.raises(gr.Error) as refused:
        asyncio.run(send())
    assert not refused.value.print_exception
    expected = "not in the list of choices" if values == ["neither"] else "do not fit the fields"
    assert expected in refused.value.message


def test_the_page_writes_no_pyi_file():
    module("inputs.uploads")
    assert list(APPS.rglob("*.pyi")) == []


def test_texts_of_a_card_are_escaped():
    card = ModelCard(
        "m", "super-resolution", "Good <script>alert(1)</script>", "1", "A&B", "", "", (), {}, {},
        (), (), scale=2,
    )  # fmt: skip
    seen = module("options").describe(card)
    assert "<script>" not in seen
    assert "A&amp;B" in seen


def test_a_curve_goes_from_corner_to_corner():
    drawn = module("messages").curve("psnr", ((0, 20.0), (50, 25.0), (100, 30.0)))
    assert 'points="0.0,95.0 150.0,50.0 300.0,5.0"' in drawn
    assert "30.000 after 100 images, 20.000 at first" in drawn


def test_a_training_run_is_described_with_percent_and_time_left():
    describe, state = module("results.training_view").describe, TrainingState
    training = state(True, "training", done=480, total=9600, seconds_left=80)
    assert "Training: 5 %, about 2 min left (480 of 9,600 image sections)" in describe(training)
    assert 'value="480" max="9600"' in describe(training)
    assert "<progress" in describe(state(True)) and "value" not in describe(state(True))
    assert "2 of 4 photos" in describe(state(True, "scoring", done=2, total=4))
    done = state(False, log=("The new model is better: so it is.", "mine is installed."),
                 exit_code=0)  # fmt: skip
    assert "Done. The new model is better: so it is." in describe(done)
    assert "Stopped" in describe(state(False, exit_code=-15))
    assert 'role="alert"' in describe(state(False, exit_code=2))


@pytest.fixture
def lists():
    """The lists of models of a server with `photo-x4` and a trained model `mine`."""
    cards = [SimpleNamespace(name=name, files=(), x2_model=None) for name in ("photo-x4", "mine")]
    service = SimpleNamespace(
        upscaling_models=lambda: cards, settings=SimpleNamespace(model="photo-x4")
    )
    fields = gr.Radio([]), gr.CheckboxGroup([]), gr.Radio([])
    return module("model_lists").ModelLists(service, {"gone": None}, *fields)


def test_a_new_model_is_in_the_lists_of_all_tabs(lists):
    changes = lists.refresh()
    assert set(changes) == set(lists.widgets)
    for field in changes.values():
        assert field.choices == [("Photo", "photo-x4"), ("mine", "mine")]
    assert list(lists.cards) == ["photo-x4", "mine"]


def test_fields_that_name_a_removed_model_choose_the_default(lists):
    changes = lists.deselect("mine", "mine", ["photo-x4", "mine"], "photo-x4")
    assert changes[lists.upscale].value == "photo-x4"
    assert changes[lists.compare].value == ["photo-x4"]
    assert changes[lists.batch].value is None  # unchanged


def test_the_name_of_a_new_model_is_checked():
    problem = module("finetune")._describe_name_problem
    assert problem("mine-2") == ""
    assert "is not a valid model name" in problem("a b")
    assert "is the name of a shipped model" in problem("photo-x4")


@pytest.mark.parametrize("torch", [None, "found"])
def test_a_server_without_pytorch_shows_that_it_cannot_train(monkeypatch, torch):
    finetune = module("finetune")
    monkeypatch.setattr(finetune, "find_spec", {"torch": torch}.get)
    service = SimpleNamespace(settings=SimpleNamespace(max_files=100))

    async def build():  # in an event loop, of which Gradio would make one that nobody closes
        with gr.Blocks(analytics_enabled=False) as page:
            fields = gr.Radio([]), gr.CheckboxGroup([]), gr.Radio([])
            lists = module("model_lists").ModelLists(service, {}, *fields)
            finetune.build_finetune_tab(page, None, lists, gr.Tabs(), "home")
        return page

    page = asyncio.run(build())
    seen = " ".join(str(block.value) for block in page.blocks.values()
                    if isinstance(block, gr.Markdown))  # fmt: skip
    start = next(block for block in page.blocks.values() if block.elem_id == "finetune-start")
    assert start.interactive == bool(torch)
    assert ('pip install "srgan-gp[train]"' in seen) == (not torch)


@pytest.mark.parametrize("seed", [None, "seven", 0.5, float("nan"), float("inf")])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    values = ("tiny-faces", "Faces", seed, 1, 0, 1.0)
    with pytest.raises(UsageError, match=r"seed.* a whole number of 0 or more"):
        module("faces")._request(values)


def test_the_tab_of_faces_adds_no_list_of_models():
    results = module("results.face_results")

    async def build():  # in an event loop, of which Gradio would make one that nobody closes
        with gr.Blocks(analytics_enabled=False) as page:
            target, tabs, model = gr.Image(), gr.Tabs(), gr.Radio([("Face", "face-x4")])
            results.connect_sending(results.build_face_results(), tabs, target, "home", model)
        return page, model

    page, model = asyncio.run(build())
    assert [block for block in page.blocks.values() if isinstance(block, gr.Radio)] == [model]
    [send] = [event.fn for event in page.fns.values() if model in event.outputs]
    assert send(("a.png", "Seed 7"))[-1].value == "face-x4"


@pytest.mark.parametrize(
    ("fidelity", "look"), [(0, "crisp"), (0.5, "natural"), (1, "faithful"), (0.25, None)]
)
def test_a_look_is_the_name_of_a_fidelity(fidelity, look):
    assert module("options").look_of(fidelity) == look
