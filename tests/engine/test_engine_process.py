import os
import subprocess
import sys
import textwrap
import threading
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import psutil
import pytest

from napari_all.errors import EngineError
from napari_all.gui.engine_process import EngineClient
from napari_all.wire import SharedArray

ENGINE = (sys.executable, "-P", str(Path(__file__).with_name("engine_of_tests.py")))
TIMEOUT = 60


class Recorder:
    """Listener that keeps what it hears."""

    def __init__(self):
        self.progress, self.messages = [], []
        self.outcome = None
        self.moved, self.done = threading.Event(), threading.Event()

    def on_progress(self, stage, done, total):
        self.progress.append((stage, done, total))
        self.moved.set()

    def on_message(self, text):
        self.messages.append(text)

    def on_result(self, value, arrays):
        self._end(("result", value, arrays))

    def on_error(self, text):
        self._end(("error", text))

    def on_cancelled(self):
        self._end(("cancelled",))

    def _end(self, outcome):
        assert self.outcome is None, "a job ends once"
        self.outcome = outcome
        self.done.set()

    def wait(self):
        assert self.done.wait(TIMEOUT), "the job did not end"
        return self.outcome


@pytest.fixture
def client():
    client = EngineClient(ENGINE, grace_s=0.3)
    yield client
    client.close()


def run(client, job, config=None, **arrays):
    listener = Recorder()
    client.submit(job, config or {}, arrays, listener)
    return listener, listener.wait()


def segments():
    folder = Path("/dev/shm")
    return {p.name for p in folder.iterdir()} if folder.is_dir() else set()


def test_arrays_config_progress_and_lines_make_the_round_trip(client):
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (37, 41, 3), dtype=np.uint8)
    labels = rng.integers(0, 9, (37, 41), dtype=np.int32)
    listener, outcome = run(client, "echo", {"name": "Früh, Pre-B"}, rgb=rgb, labels=labels[:, ::-1])
    kind, value, arrays = outcome
    assert kind == "result"
    assert value["config"] == {"name": "Früh, Pre-B"}
    assert value["pid"] == client.pid != os.getpid()
    np.testing.assert_array_equal(arrays["rgb"], rgb)
    np.testing.assert_array_equal(arrays["labels"], labels[:, ::-1])
    assert arrays["labels"].dtype == np.int32
    assert listener.messages == ["device: test"]
    assert listener.progress[-1] == ("steps", 3, 3)


def test_a_big_array_comes_back_whole(client):
    _, outcome = run(client, "grow", {"shape": [12_000, 10_000]})
    assert outcome[2]["big"].shape == (12_000, 10_000)
    assert (outcome[2]["big"] == 7).all()


def test_one_process_serves_many_jobs_and_leaves_no_segment(client):
    before = segments()
    pids = {run(client, "echo", rgb=np.zeros((8, 8), np.uint8))[1][1]["pid"] for _ in range(3)}
    assert len(pids) == 1
    run(client, "echo")
    assert segments() <= before


def test_a_listening_job_stops_at_once_and_its_process_lives_on(client):
    client.grace_s = TIMEOUT
    listener = Recorder()
    request = client.submit("wait", {}, {}, listener)
    assert listener.moved.wait(TIMEOUT)
    pid = client.pid
    client.cancel(request)
    assert listener.wait() == ("cancelled",)
    assert run(client, "echo")[1][1]["pid"] == pid


def test_a_deaf_job_loses_its_process_and_the_next_job_gets_a_fresh_one(client):
    before = segments()
    listener = Recorder()
    request = client.submit("deaf", {}, {"rgb": np.zeros((64, 64, 3), np.uint8)}, listener)
    assert listener.moved.wait(TIMEOUT)
    pid = client.pid
    client.cancel(request)
    assert listener.wait() == ("cancelled",)
    fresh = run(client, "echo")[1][1]["pid"]
    assert fresh != pid
    assert not psutil.pid_exists(pid)
    assert segments() <= before


def test_a_waiting_job_is_dropped_without_being_run(client):
    client.grace_s = TIMEOUT
    first, second = Recorder(), Recorder()
    running = client.submit("wait", {}, {}, first)
    waiting = client.submit("deaf", {}, {}, second)
    assert first.moved.wait(TIMEOUT)
    client.cancel(waiting)
    client.cancel(running)
    assert first.wait() == second.wait() == ("cancelled",)
    assert second.progress == []


def test_an_error_on_purpose_keeps_its_text(client):
    assert run(client, "refuse")[1] == ("error", "smear.tif holds no pixels; choose another file")


def test_an_unexpected_error_is_short_and_its_traceback_is_logged(client, caplog):
    kind, text = run(client, "stumble")[1]
    assert kind == "error"
    assert "ZeroDivisionError: seven" in text
    assert "\n" not in text
    assert "in stumble" in caplog.text


def test_a_crash_is_told_and_the_next_job_works(client):
    kind, text = run(client, "crash")[1]
    assert kind == "error"
    assert "code 13" in text
    assert "last words" in text
    assert run(client, "echo")[1][0] == "result"


def test_an_engine_killed_from_outside_is_told_and_replaced(client):
    listener = Recorder()
    client.submit("deaf", {}, {"rgb": np.zeros(9)}, listener)
    assert listener.moved.wait(TIMEOUT)
    psutil.Process(client.pid).kill()
    assert listener.wait()[0] == "error"
    assert run(client, "echo")[1][0] == "result"


def test_a_command_that_cannot_start_is_told():
    client = EngineClient(("no-such-program",))
    assert run(client, "echo")[1][0] == "error"
    client.close()


def test_closing_ends_the_process_and_refuses_new_jobs(client):
    listener = Recorder()
    client.submit("deaf", {}, {}, listener)
    assert listener.moved.wait(TIMEOUT)
    pid = client.pid
    client.close()
    assert listener.wait() == ("cancelled",)
    assert not psutil.pid_exists(pid)
    with pytest.raises(EngineError, match="closed"):
        client.submit("echo", {}, {}, Recorder())


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and /dev/shm are of POSIX")
def test_when_the_window_is_killed_the_engine_ends_and_no_segment_stays(tmp_path):
    before = segments()
    script = tmp_path / "window.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys, time
            import numpy as np
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from test_engine_process import ENGINE, Recorder
            from napari_all.gui.engine_process import EngineClient
            client, listener = EngineClient(ENGINE), Recorder()
            client.submit("deaf", {{}}, {{"rgb": np.zeros((512, 512, 3), np.uint8)}}, listener)
            assert listener.moved.wait(60)
            print(client.pid, flush=True)
            time.sleep(600)
            """
        )
    )
    window = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    engine = psutil.Process(int(window.stdout.readline()))
    held = segments() - before
    assert held or sys.platform != "linux"
    tracker = [p for p in psutil.Process(window.pid).children() if p.pid != engine.pid]
    window.kill()
    window.wait()
    window.stdout.close()
    _, alive = psutil.wait_procs([engine, *tracker], timeout=30)
    assert not alive
    assert not segments() & held


def test_a_segment_belongs_to_the_side_that_made_it():
    ours = SharedArray.of(np.arange(6).reshape(2, 3))
    theirs = SharedArray.attach(ours.reference)
    theirs.write(np.full((2, 3), 5))
    theirs.close()
    assert (ours.read() == 5).all()
    ours.close(unlink=True)
    with pytest.raises(FileNotFoundError):
        SharedMemory(ours.reference["name"])


def test_an_array_beyond_shared_memory_is_refused_with_the_remedy():
    if sys.platform != "linux":
        pytest.skip("the room is looked up on Linux only")
    with pytest.raises(EngineError, match="--shm-size"):
        SharedArray.create("u1", (1 << 50,))


def test_a_job_that_keeps_its_best_ends_with_a_result_when_stopped(client):
    listener = Recorder()
    request = client.submit("keep_best", {}, {}, listener, keeps=True)
    assert listener.moved.wait(TIMEOUT)
    client.cancel(request)
    assert listener.wait() == ("result", {"kept": True}, {})


def test_a_stop_at_once_does_not_wait_for_the_grace_period(client):
    client.grace_s = 600.0
    listener = Recorder()
    request = client.submit("deaf", {}, {}, listener, keeps=True)
    assert listener.moved.wait(TIMEOUT)
    client.cancel(request)
    assert not listener.done.wait(0.5)
    client.end(request)
    assert listener.wait() == ("cancelled",)
    _, outcome = run(client, "echo")
    assert outcome[0] == "result"
