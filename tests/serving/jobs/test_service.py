import asyncio
import io
import queue
import threading
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.errors import BusyError, Cancelled, PictureError, SrganGpError, UsageError
from srgan_gp.images.codecs import row_encoding
from srgan_gp.serving.jobs.job_requests import GenerateRequest, UpscaleRequest
from srgan_gp.serving.results.image_views import write_view
from srgan_gp.serving.results.result_zip import zip_chunks

TIMEOUT = 60  # seconds, for slow machines


class Brake:
    """Progress callback that blocks its job until `go` is set."""

    def __init__(self):
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, done, total):
        self.reached.set()
        assert self.go.wait(TIMEOUT)


@pytest.fixture
def brake():
    brake = Brake()
    yield brake
    brake.go.set()


def held(service, png, brake, client="a"):
    """Submit a job and wait until it is blocked by `brake`."""
    job = service.submit(client, UpscaleRequest(png, "held.png"), on_progress=brake)
    assert brake.reached.wait(TIMEOUT)
    return job


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"strip_metadata": False}, []),
        ({}, ["--strip-metadata"]),
        ({"scale": 3, "format": "webp", "quality": 80}, ["-s", "3", "--strip-metadata",
                                                         "--format", "webp", "--quality", "80"]),
        ({"width": 40, "format": "jpg"}, ["-s", "2.5", "--strip-metadata", "--format", "jpg"]),
        ({"tile": 16}, ["-t", "16", "--strip-metadata"]),
    ],
    ids=["as it is", "stripped", "webp", "by width", "tiled"],
)  # fmt: skip
def test_file_is_identical_to_that_of_the_command_line(
    real_service, models, png, tmp_path, fields, options
):
    result = real_service.submit("a", UpscaleRequest(png, "photo.png", **fields)).wait(TIMEOUT)
    (tmp_path / "photo.png").write_bytes(png)
    written = tmp_path / ("by_command" + result.path.suffix)
    common = ["-o", str(written), "-n", "tiny", "--device", "cpu", "--threads", "1"]
    assert main(["upscale", str(tmp_path / "photo.png"), *common, *options]) == 0
    assert result.path.read_bytes() == written.read_bytes()


@pytest.mark.parametrize("name", ["a.gif", "a"])
def test_a_result_in_another_format_than_the_file_has_a_note(real_service, png, name):
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).save(file, "GIF")
    note = "the format of the file is GIF, that of the result PNG, which loses nothing"
    for data, format, notes in (
        (file.getvalue(), None, (note,)),
        (file.getvalue(), "png", ()),
        (png, None, ()),
    ):
        named = name if data != png else "a.png"
        request = UpscaleRequest(data, named, format=format)
        report = real_service.submit("a", request).wait(TIMEOUT).report
        assert (report["format"], report["warnings"]) == ("PNG", notes)


@pytest.mark.parametrize(
    ("format", "name", "expected"),
    [
        ("JPEG", "a.jpg", "JPEG"), ("JPEG", "a", "JPEG"), ("JPEG", "a.txt", "JPEG"),
        ("JPEG", "a.png", "PNG"), ("JPEG", "a.webp", "PNG"), ("JPEG", "a.heic", "PNG"),
        ("PNG", "a.jpg", "PNG"), ("GIF", "a", "PNG"),
    ],
)  # fmt: skip
def test_format_without_a_choice_is_that_of_the_file_if_its_name_allows_it(
    real_service, png, format, name, expected
):
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).save(file, format)
    result = real_service.submit("a", UpscaleRequest(file.getvalue(), name)).wait(TIMEOUT)
    assert result.report["format"] == expected


@pytest.fixture
def two_scales(models, onnx_models, tiny_model, open_service):
    """A service whose default model `large` has `tiny` for scales up to 2."""
    onnx_models.write_card(tiny_model("large"), x2_model="tiny")
    return open_service(model="large")


@pytest.mark.parametrize(
    ("fields", "words", "model"),
    [
        ({"scale": 2}, ["-s", "2"], "tiny"),
        ({"scale": 3}, ["-s", "3"], "large"),
        ({"width": 32}, ["--width", "32"], "tiny"),
        ({"width": 40}, ["--width", "40"], "large"),
        ({"model": "large", "scale": 2}, ["-s", "2"], "large"),
        ({"model": "large", "model_by_scale": True, "scale": 2}, ["-s", "2"], "tiny"),
    ],
)
def test_only_a_model_that_is_not_named_is_replaced_at_small_scales(
    two_scales, png, tmp_path, fields, words, model
):
    request = UpscaleRequest(png, "photo.png", strip_metadata=False, **fields)
    result = two_scales.submit("a", request).wait(TIMEOUT)
    assert result.report["model"] == model
    (tmp_path / "photo.png").write_bytes(png)
    written = tmp_path / "by_command.png"
    command = ["upscale", str(tmp_path / "photo.png"), "-o", str(written), "-n", model, *words]
    assert main([*command, "--device", "cpu", "--threads", "1"]) == 0
    assert result.path.read_bytes() == written.read_bytes()


def test_a_region_has_the_scale_and_the_model_that_the_width_gives_the_whole_image(two_scales, png):
    request = UpscaleRequest(png, "photo.png", width=24, region=(2, 2, 8, 6))
    report = two_scales.submit("a", request).wait(TIMEOUT).report
    assert (report["model"], report["scale"]) == ("tiny", 1.5)
    assert report["result_size"] == (12, 9)


@pytest.mark.parametrize("width", [1, 3, 15, 16])
def test_a_region_is_not_smaller_than_in_the_image_where_the_width_is(two_scales, png, width):
    request = UpscaleRequest(png, "photo.png", width=width, region=(2, 2, 8, 6))
    report = two_scales.submit("a", request).wait(TIMEOUT).report
    assert (report["model"], report["scale"], report["result_size"]) == ("tiny", 1, (8, 6))
    whole = two_scales.submit("a", replace(request, region=None)).wait(TIMEOUT).report
    assert (whole["model"], whole["result_size"][0]) == ("tiny", width)


def test_a_look_gives_the_file_of_its_fidelity(partners, real_service, png):
    files = []
    for options in ({"look": "natural"}, {"fidelity": 0.5}, {}):
        request = UpscaleRequest(png, "a.png", model="near", **options)
        result = real_service.submit("a", request).wait(TIMEOUT)
        files.append(result.path.read_bytes())
        assert result.report["fidelity"] == (0.5 if options else None)
    assert files[0] == files[1] != files[2]


def test_a_look_of_a_model_without_a_partner_is_named_in_the_error(partners, real_service, png):
    with pytest.raises(
        UsageError, match=r"^The look natural works only with .*near, not with far\."
    ):
        real_service.submit("a", UpscaleRequest(png, "a.png", "far", look="natural")).wait(TIMEOUT)


def test_result_has_a_report_and_a_name_derived_from_the_upload(real_service, png):
    result = real_service.submit("a", UpscaleRequest(png, "../über <1>.png")).wait(TIMEOUT)
    assert (result.name, result.media_type) == ("über _1_tiny_2x.png", "image/png")
    assert result.path.name == result.name
    report = {name: result.report[name] for name in ("model", "device", "scale", "tiles")}
    assert report == {"model": "tiny", "device": "cpu", "scale": 2, "tiles": 1}
    assert (result.report["size"], result.report["result_size"]) == ((16, 12), (32, 24))
    assert result.report["bytes"] == result.path.stat().st_size


def test_an_upload_without_a_suffix_keeps_the_format_of_its_file(real_service, scene):
    data = io.BytesIO()
    Image.fromarray(scene(12, 16)).save(data, "JPEG")
    for name, expected in (("upload", "JPEG"), ("named.png", "PNG")):
        request = UpscaleRequest(data.getvalue(), name)
        result = real_service.submit("a", request).wait(TIMEOUT)
        assert result.report["format"] == expected


def test_result_can_be_awaited_in_any_loop_and_repeatedly(real_service, png):
    job = real_service.submit("a", UpscaleRequest(png, "a.png"))
    assert asyncio.run(job.result()) is asyncio.run(job.result())
    assert job.is_done


def test_job_continues_after_a_wait_times_out(real_service, png, brake):
    job = held(real_service, png, brake)

    async def give_up():
        await asyncio.wait_for(job.result(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    brake.go.set()
    assert job.wait(TIMEOUT).path.is_file()


def test_progress_counts_tiles(real_service, png):
    reported = []
    request = UpscaleRequest(png, "a.png", tile=16, scale=2)
    real_service.submit("a", request, on_progress=lambda *done: reported.append(done)).wait(TIMEOUT)
    assert reported[-1][0] == reported[-1][1] == len(reported)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (UpscaleRequest(b"", "a.png"), PictureError, "empty"),
        (UpscaleRequest(b"%!PS-Adobe-3.0 EPSF-3.0\n", "a.png"), PictureError, "EPS files cannot"),
        (UpscaleRequest(b"x", "a.png", scale=0), UsageError, "scale must be a number above 0"),
        (UpscaleRequest(b"x", "a.png", scale=float("nan")), UsageError, "not nan"),
        (UpscaleRequest(b"x", "a.png", look="nice"), UsageError, "no look 'nice'; known: faithful"),
        (UpscaleRequest(b"x", "a.png", look="crisp", fidelity=0), UsageError, "pass one of them"),
        (UpscaleRequest(b"x", "a.png", scale=1e308), UsageError, "above 0, 1000 at most"),
        (UpscaleRequest(b"x", "a.png", width=10**400), UsageError, "1 to 1,000,000 pixels"),
        (UpscaleRequest(b"x", "a.png", scale=2, width=9), UsageError, "not both"),
        (UpscaleRequest(b"x", "a.png", tile=100_000), UsageError, "16 to 1024"),
        (UpscaleRequest(b"x", "a.png", quality=0), UsageError, "1 to 100"),
        (UpscaleRequest(b"x", "a.png", format="exe"), UsageError, "cannot write 'exe'"),
        (UpscaleRequest(b"x", "a.png", model="/etc/passwd"), UsageError, "Unknown model"),
        (GenerateRequest(count=0), UsageError, "1 to 64"),
        (GenerateRequest(seed=-1), UsageError, "not -1"),
        (GenerateRequest(truncation=float("inf")), UsageError, "truncation"),
        (GenerateRequest(truncation=1e308), UsageError, "4 at most"),
        (GenerateRequest(to_seed=1, count=2), UsageError, "one face, not 2"),
        (GenerateRequest(frames=10), UsageError, "frames needs `to_seed`"),
        (GenerateRequest(to_seed=1, format="exe"), UsageError, "not exe"),
    ],
)
def test_invalid_request_raises_a_clear_error_and_leaves_no_file(
    real_service, tmp_path, request_, error, message
):
    with pytest.raises(error, match=message) as raised:
        real_service.submit("a", request_).wait(TIMEOUT)
    assert str(tmp_path) not in str(raised.value)
    assert not files_below(real_service.folder("a"))


@pytest.mark.parametrize("size", [{}, {"scale": 2}, {"width": 100}])
def test_int8_on_a_server_with_a_gpu_is_refused_before_there_is_a_job(open_service, png, size):
    service = open_service(device="cuda")
    with pytest.raises(UsageError, match="int8 runs on the CPU only"):
        service.check(UpscaleRequest(png, "a.png", precision="int8", **size))


def test_model_path_is_refused_even_if_the_file_exists(real_service, png, models):
    for name in (str(models / "tiny.onnx"), "../tiny", "tiny.onnx"):
        with pytest.raises(UsageError, match="Unknown model"):
            real_service.submit("a", UpscaleRequest(png, "a.png", model=name)).wait(TIMEOUT)


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"scale": 4.1}, "choose a scale up to 4"),
        ({"scale": 50}, "choose a scale up to 4"),  # more than 16 times `max_pixels`
        ({"width": 66}, "choose a width up to 64"),
        ({"width": 100_000}, "choose a width up to 64"),
        ({"region": 1, "scale": 9}, "choose a scale up to 4"),
    ],
)
def test_beyond_x4_a_result_is_limited_to_max_pixels(open_service, png, fields, advice):
    service = open_service(max_pixels=384)
    for field in ("scale", "width"):
        if field in fields:  # what the message advises is allowed
            allowed = {field: int(advice.split()[-1])}
            job = service.submit("a", UpscaleRequest(png, "a.png", **fields | allowed))
            assert job.wait(TIMEOUT).path.is_file()
    files = files_below(service.folder("a"))
    job = service.submit("a", UpscaleRequest(png, "a.png", **fields))
    message = rf"beyond x4 a result may have 384 pixels.*; {advice}$"
    with pytest.raises(PictureError, match=message) as raised:
        job.wait(TIMEOUT)
    assert raised.value.code == "E_TOO_MANY_PIXELS"
    assert files_below(service.folder("a")) == files


@pytest.mark.parametrize(
    ("fields", "advice"), [({"scale": 9}, "scale up to 5.65"), ({"width": 144}, "width up to 90")]
)
def test_advice_for_a_model_above_x4_is_within_the_limit_of_all_results(
    open_service, models, onnx_models, tiny_model, png, fields, advice
):
    """A result may have 16 times `max_pixels`: an image of that many pixels cannot have x8."""
    path = tiny_model("eight", onnx_models.repeating(8), scale="8", overlap="0")
    onnx_models.write_card(path, scale=8)
    service = open_service(model="eight", max_pixels=384)
    with pytest.raises(PictureError, match=rf"^.*beyond x8 a result may .*; choose a {advice}$"):
        service.submit("a", UpscaleRequest(png, "a.png", **fields)).wait(TIMEOUT)
    [name], number = fields, advice.split()[-1]
    largest, step = (int(number), 1) if name == "width" else (float(number), 0.01)
    job = service.submit("a", UpscaleRequest(png, "a.png", **{name: largest}))
    assert job.wait(TIMEOUT).path.is_file()
    more = {name: largest + step}
    with pytest.raises(PictureError, match=r"more than the 6,144 allowed"):
        service.submit("a", UpscaleRequest(png, "a.png", **more)).wait(TIMEOUT)


@pytest.mark.parametrize("fields", [{"scale": 1000}, {"scale": 30.5}, {"width": 800}])
@pytest.mark.parametrize("max_pixels", [9_000, 100_000])
def test_advice_about_a_large_scale_is_the_largest_that_is_allowed(
    open_service, png, fields, max_pixels
):
    service = open_service(max_pixels=max_pixels)
    with pytest.raises(PictureError) as raised:
        service.submit("a", UpscaleRequest(png, "a.png", **fields)).wait(TIMEOUT)
    [name] = fields
    text, allowed = str(raised.value).rsplit(" ", 1)
    assert text.endswith(f"choose a {name} up to")
    largest, step = (int(allowed), 1) if name == "width" else (float(allowed), 0.01)
    assert largest > (64 if name == "width" else 4)
    job = service.submit("a", UpscaleRequest(png, "a.png", **{name: largest}))
    assert job.wait(TIMEOUT).path.is_file()
    more = {name: largest + step}
    with pytest.raises(PictureError, match=f"choose a {name} up to {allowed}$"):
        service.submit("a", UpscaleRequest(png, "a.png", **more)).wait(TIMEOUT)


def test_unexpected_error_is_hidden_from_clients_and_logged(real_service, png, caplog):
    def fail(done, total):
        raise RuntimeError("/secret/path")

    with pytest.raises(SrganGpError, match="Something went wrong") as raised:
        real_service.submit("a", UpscaleRequest(png, "a.png"), on_progress=fail).wait(TIMEOUT)
    assert "secret" not in str(raised.value)
    assert "/secret/path" in caplog.text
    assert real_service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT).path.is_file()


def test_pending_jobs_per_client_are_limited(open_service, png, brake):
    service = open_service(pending_per_client=2)
    held(service, png, brake)
    service.submit("a", UpscaleRequest(png, "a.png"))
    with pytest.raises(BusyError, match="2 jobs in progress") as raised:
        service.submit("a", UpscaleRequest(png, "a.png"))
    assert raised.value.retry_seconds > 0
    service.submit("b", UpscaleRequest(png, "b.png"))
    brake.go.set()
    assert service.drain(TIMEOUT)
    assert service.pending == 0


def test_many_sessions_of_one_address_leave_room_for_other_addresses(open_service, png, brake):
    service = open_service(queue_size=4)
    held(service, png, brake)
    with pytest.raises(BusyError, match="The queue is full"):
        for number in range(10):
            service.submit(f"session {number}", UpscaleRequest(png, "a.png"), address="flood")
    job = service.submit("session 99", UpscaleRequest(png, "b.png"), address="elsewhere")
    brake.go.set()
    assert job.wait(TIMEOUT).name.startswith("b_")


def test_full_queue_refuses_jobs_and_is_not_ready(open_service, png, brake):
    service = open_service(queue_size=1, pending_per_client=100)
    held(service, png, brake)
    with pytest.raises(BusyError, match="The queue is full"):
        for number in range(10):
            service.submit(f"client {number}", UpscaleRequest(png, "a.png"))
    assert service.not_ready_reason() == "the queue is full"


def test_memory_of_queued_images_is_bounded(real_service, png, monkeypatch):
    monkeypatch.setattr("srgan_gp.serving.jobs.service._MAX_MEMORY_BYTES", len(png))
    with pytest.raises(BusyError, match="The queue is full"):
        real_service.submit("a", UpscaleRequest(png + b"x", "a.png"))
    for _ in range(3):
        assert real_service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT).path.is_file()


def test_full_disk_refuses_jobs_until_space_is_free(real_service, png, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    with monkeypatch.context() as full:
        full.setattr(
            "srgan_gp.serving.results.temporary_files.shutil.disk_usage", lambda folder: usage
        )
        assert real_service.not_ready_reason() == "the disk is full"
        with pytest.raises(BusyError, match="no free disk space"):
            real_service.submit("a", UpscaleRequest(png, "a.png"))
    assert real_service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT).path.is_file()


def test_cancelled_job_ends_and_leaves_no_file(real_service, png, brake):
    job = held(real_service, png, brake)
    job.cancel()
    brake.go.set()
    with pytest.raises(Cancelled):
        job.wait(TIMEOUT)
    assert not files_below(real_service.folder("a"))
    assert real_service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT).path.is_file()


def test_job_cancelled_during_writing_leaves_no_file(real_service, png, brake, monkeypatch):
    def write(picture, result, folder):
        brake(0, 0)
        return write_view(picture, result, folder)

    monkeypatch.setattr("srgan_gp.serving.jobs.upscaling.write_view", write)
    job = real_service.submit("a", UpscaleRequest(png, "a.png", needs_viewer_tiles=True))
    assert brake.reached.wait(TIMEOUT)
    assert files_below(real_service.folder("a"))
    job.cancel()
    brake.go.set()
    with pytest.raises(Cancelled):
        job.wait(TIMEOUT)
    assert not files_below(real_service.folder("a"))


def test_job_cancelled_during_encoding_stops_encoding(real_service, png, monkeypatch):
    fitting, committed, jobs = row_encoding.choose_strategy, [], queue.Queue()

    def cancelled(sample):
        jobs.get(timeout=TIMEOUT).cancel()
        return fitting(sample)

    monkeypatch.setattr(row_encoding, "choose_strategy", cancelled)
    monkeypatch.setattr("srgan_gp.serving.jobs.upscaling.commit", committed.append)
    job = real_service.submit("a", UpscaleRequest(png, "a.png"))
    jobs.put(job)
    with pytest.raises(Cancelled):
        job.wait(TIMEOUT)
    assert committed == []
    assert not files_below(real_service.folder("a"))


def test_queued_job_is_cancelled_at_once(real_service, png, brake):
    held(real_service, png, brake)
    waiting = [real_service.submit("a", UpscaleRequest(png, "a.png")) for _ in range(4)]
    for job in waiting:
        job.cancel()
    for job in waiting:
        with pytest.raises(Cancelled):
            job.wait(TIMEOUT)
    assert real_service.pending == 1


def test_draining_finishes_accepted_jobs_and_accepts_no_more(real_service, png):
    jobs = [real_service.submit(f"client {n}", UpscaleRequest(png, f"{n}.png")) for n in range(20)]
    assert real_service.drain(TIMEOUT)
    assert all(job.wait(0).path.is_file() for job in jobs)
    assert real_service.not_ready_reason() == "the server is shutting down"
    with pytest.raises(BusyError, match="restarted"):
        real_service.submit("a", UpscaleRequest(png, "a.png"))


def test_draining_times_out(real_service, png, brake):
    held(real_service, png, brake)
    assert not real_service.drain(0.01)


def test_close_ends_all_jobs_and_removes_all_files(open_service, png, brake, tmp_path):
    service = open_service()
    service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT)
    jobs = [held(service, png, brake)]
    jobs += [service.submit("a", UpscaleRequest(png, "a.png")) for _ in range(5)]
    threading.Timer(0.1, brake.go.set).start()
    service.close()
    for job in jobs:
        with pytest.raises(BusyError, match="being restarted"):
            job.wait(TIMEOUT)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_close_runs_callbacks_before_the_files_are_removed(open_service):
    service, seen = open_service(), []
    service.at_end(lambda: seen.append((service.uploads.is_dir(), service.not_ready_reason())))
    service.close()
    assert seen == [(True, "the server is shutting down")]


def test_input_file_is_kept(real_service, png, tmp_path):
    source = tmp_path / "upload"
    source.write_bytes(png)
    by_path = real_service.submit("a", UpscaleRequest(source, "a.png")).wait(TIMEOUT)
    by_bytes = real_service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT)
    assert by_path.path.read_bytes() == by_bytes.path.read_bytes()
    assert by_path.path.parent != by_bytes.path.parent
    assert source.read_bytes() == png


def test_each_client_has_a_private_directory_with_a_random_name(real_service):
    folders = {real_service.folder(client) for client in ("a", "b", "c")}
    assert len(folders) == 3
    assert real_service.folder("a") in folders
    assert all(len(folder.name) == 32 and folder.stat().st_mode & 0o77 == 0 for folder in folders)


def test_zip_of_results_numbers_equal_names(real_service, png):
    results = [real_service.submit("a", UpscaleRequest(png, name)).wait(TIMEOUT)
               for name in ("a.png", "A.png", "b.png")]  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_chunks(results)))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read(names[1]) == results[1].path.read_bytes()
    assert names == ["a_tiny_2x.png", "A_tiny_2x-2.png", "b_tiny_2x.png"]


def test_zip_of_an_expired_result_is_refused(real_service, png, tmp_path):
    result = real_service.submit("a", UpscaleRequest(png, "a.png")).wait(TIMEOUT)
    result.path.unlink()
    with pytest.raises(UsageError, match=r"a_tiny_2x\.png has expired") as raised:
        zip_chunks([result])
    assert str(tmp_path) not in str(raised.value)


def test_models_are_listed_by_task(real_service):
    assert "tiny" in [card.name for card in real_service.upscaling_models()]
    assert "tiny-faces" in [card.name for card in real_service.face_models()]
    assert "tiny" not in [card.name for card in real_service.face_models()]
