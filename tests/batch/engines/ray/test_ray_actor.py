"""Ray actor: two calls for one job, as Ray makes them after a lost connection."""

import queue
import threading
from pathlib import Path

from srgan_gp.batch.engines.engine_interface import Result, UpscaleSettings
from srgan_gp.batch.engines.ray.ray_actor import RayActor
from srgan_gp.batch.naming.plan import UpscaleJob

PATIENCE = 60  # seconds; only a test that fails waits so long


class HeldEngine:
    """An engine that ends jobs when the test says so."""

    def __init__(self):
        self.submitted, self.results = [], queue.Queue()

    def submit(self, job):
        self.submitted.append(job)

    def take(self, timeout):
        return self.results.get(timeout=timeout)


def test_a_second_call_waits_for_the_job_in_progress():
    actor, engine = RayActor(lambda device: [], "cpu", UpscaleSettings(), ""), HeldEngine()
    actor._engine = engine
    job = UpscaleJob(Path("a.png"), Path("out/a.png"), None)
    results = queue.Queue()
    calls = [
        threading.Thread(target=lambda: results.put(actor.work(job)), daemon=True) for _ in range(2)
    ]
    for call in calls:
        call.start()
    threading.Thread(target=actor._collect, args=(engine,), daemon=True).start()
    for call in calls:  # Both calls have registered before the job ends.
        call.join(timeout=0.5)
    engine.results.put(Result(job))
    assert [results.get(timeout=PATIENCE) for _ in calls] == [Result(job)] * 2
    assert engine.submitted == [job]
