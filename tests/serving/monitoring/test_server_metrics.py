"""Metrics of a server: jobs, queue, refusals; nothing of a client in a label."""

import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack, suppress

import pytest
from starlette.testclient import TestClient

from srgan_gp.errors import BusyError, PictureError
from srgan_gp.serving.http.server import build_app, guard
from srgan_gp.serving.jobs.job_requests import GenerateRequest, UpscaleRequest
from srgan_gp.serving.monitoring.metered_service import MeteredService
from srgan_gp.serving.monitoring.metrics_page import open_metrics
from srgan_gp.serving.monitoring.response_counter import ResponseCounter
from srgan_gp.serving.monitoring.server_metrics import ServerMetrics
from srgan_gp.serving.server_settings import ServerSettings

SECRET = "secret-name"


@pytest.fixture
def settings(models, tmp_path):
    (tmp_path / "temporary").mkdir()
    return ServerSettings(
        model="tiny", device="cpu", threads=1, folder=tmp_path / "temporary",
        pending_per_client=2, metrics_port=0,
    )  # fmt: skip


@pytest.fixture
def metrics():
    return ServerMetrics()


@pytest.fixture
def service(settings, metrics, decoder):
    service = MeteredService(settings, metrics, decoders=decoder)
    yield service
    service.close()


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"srgan_gp_{name}", labels)


def jobs(metrics, kind="upscale"):
    outcomes = ("done", "failed", "cancelled", "refused")
    return {name: value(metrics, "jobs_total", kind=kind, outcome=name) for name in outcomes}


def until(condition):
    """Wait; a job is counted after its waiters got the result."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_all_counters_start_at_zero(metrics):
    for kind in ("upscale", "generate"):
        assert jobs(metrics, kind) == {"done": 0, "failed": 0, "cancelled": 0, "refused": 0}
        assert value(metrics, "job_seconds_count", kind=kind) == 0


def test_done_and_failed_jobs_are_counted(service, metrics, png):
    for request in (
        UpscaleRequest(png, f"{SECRET}.png"),
        UpscaleRequest(b"no image", f"{SECRET}.png"),
        GenerateRequest(model="tiny-faces"),
    ):
        with suppress(PictureError):
            service.submit("a", request).wait(30)
    until(lambda: jobs(metrics, "generate")["done"] == 1)
    assert jobs(metrics) == {"done": 1, "failed": 1, "cancelled": 0, "refused": 0}
    assert value(metrics, "job_seconds_count", kind="upscale") == 1
    assert value(metrics, "job_seconds_sum", kind="upscale") > 0
    assert value(metrics, "queued_jobs") == value(metrics, "running_jobs") == 0
    assert value(metrics, "queue_size") == 64


@pytest.mark.parametrize(("is_closed", "outcome"), [(False, "failed"), (True, "cancelled")])
def test_a_job_whose_decoder_does_not_start_has_failed(
    service, metrics, png, monkeypatch, is_closed, outcome
):
    def refuse(*_):
        if is_closed:
            service.cancel_jobs()
        raise BusyError("The decoder did not start.")

    monkeypatch.setattr(service._decoders, "decode", refuse)
    with pytest.raises(BusyError):
        service.submit("a", UpscaleRequest(png, "a.png")).wait(30)
    until(lambda: sum(jobs(metrics).values()) == 1)
    assert jobs(metrics)[outcome] == 1


def test_gauges_show_the_queue_and_cancelled_and_refused_jobs_are_counted(
    service, metrics, png, monkeypatch
):
    is_over, run = threading.Event(), service._execution.run
    monkeypatch.setattr(service._execution, "run", lambda job: is_over.wait(30) and run(job))
    submitted = [service.submit(client, UpscaleRequest(png, "a.png")) for client in "abcd"]
    until(lambda: value(metrics, "running_jobs") == 3)  # one for each thread of the service
    assert value(metrics, "queued_jobs") == 1
    [queued] = [job for job in submitted if job.progress.stage == "queued" and job in
                service._queue._items.get(job.address, ())]  # fmt: skip
    queued.cancel()
    assert value(metrics, "queued_jobs") == 0
    assert value(metrics, "ready") == 1
    service.drain(0)
    assert value(metrics, "ready") == 0
    with pytest.raises(BusyError):
        service.submit("e", UpscaleRequest(png, "b.png"))
    is_over.set()
    until(lambda: sum(jobs(metrics).values()) == 5)
    assert jobs(metrics) == {"done": 3, "failed": 0, "cancelled": 1, "refused": 1}
    assert value(metrics, "running_jobs") == 0


def test_refusals_are_counted_by_status(service, metrics, settings):
    app = guard(build_app(service), settings)[0]
    client = TestClient(
        ResponseCounter(app, metrics.count_response), base_url="http://127.0.0.1:7860"
    )
    assert client.get("/healthz").status_code == 200
    assert client.get(f"/{SECRET}").status_code == 404
    assert client.get("/api/models", headers={"host": f"{SECRET}.example"}).status_code == 421
    assert client.get("/api/models", headers={"origin": "http://evil.example"}).status_code == 403
    for status, count in (("404", 1), ("421", 1), ("403", 1), ("200", None)):
        assert value(metrics, "refusals_total", status=status) == count


def test_no_label_holds_anything_of_a_client(service, metrics, settings, png):
    app = ResponseCounter(guard(build_app(service), settings)[0], metrics.count_response)
    client = TestClient(app, base_url="http://127.0.0.1:7860", client=("192.0.2.77", 1))
    response = client.post("/api/upscale", files={"picture": (f"{SECRET}.png", png)})
    assert response.status_code == 200
    client.post("/api/upscale", files={"picture": (f"{SECRET}.png", b"x")})
    client.post("/api/upscale", files={"picture": ("a.png", png)}, data={"model": SECRET})
    client.get(f"/{SECRET}")
    own, allowed = set(), {"kind", "outcome", "status", "version", "le"}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if sample.name.startswith("srgan_gp_"):
                own |= set(sample.labels)
            text = f"{sample.name} {sample.labels}"
            assert SECRET not in text
            assert "192.0.2.77" not in text
    assert own == allowed


def test_the_page_is_text_for_prometheus_on_loopback_only(settings):
    with ExitStack() as opened:
        changed, metrics = open_metrics(settings, opened)
        assert changed.metrics_port > 0
        metrics.count_job("upscale", "done", 2.0)
        with urllib.request.urlopen(f"http://127.0.0.1:{changed.metrics_port}/metrics") as page:
            text = page.read().decode()
            assert page.headers["Content-Type"].startswith("text/plain")
        assert 'srgan_gp_jobs_total{kind="upscale",outcome="done"} 1.0' in text
        assert 'srgan_gp_job_seconds_bucket{kind="upscale",le="3.0"} 1.0' in text
        assert "process_resident_memory_bytes" in text
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.2:{changed.metrics_port}/metrics", timeout=5)
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{changed.metrics_port}/metrics", timeout=5)


def test_without_a_port_nothing_is_served_or_imported():
    with ExitStack() as opened:
        settings = ServerSettings()
        assert open_metrics(settings, opened) == (settings, None)
    code = "import srgan_gp.serving.monitoring.metrics_page, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "prometheus_client" not in done.stdout.split()
