"""The same submissions through a Dask scheduler with workers as processes of their own; one is killed in mid-run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from places import needs_bubblewrap
from small_class import QUICK, SECTION, rows

from autograder.demo.classroom import make_class
from autograder.errors import UserError
from autograder.grading.run import grade_class
from autograder.grading.workers import Options

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("cluster")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def address() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture
def scheduler(tmp_path, address):
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    process = subprocess.Popen(
        [*dask, "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def cluster(tmp_path, address, scheduler):
    """(address, worker processes): a scheduler and two workers, started from the command line on loopback."""
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    workers = [
        subprocess.Popen(
            [*worker, "--no-nanny", "--local-directory", str(tmp_path / f"worker{number}")],
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
        )
        for number in range(2)
    ]
    yield address, workers
    for process in workers:
        process.kill()
        process.wait()


def wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def test_a_worker_killed_in_mid_run_changes_nothing(course, cluster):
    address, workers = cluster
    make_class(course, [SECTION], QUICK)
    wait_for_workers(address, 2)
    killed = []

    def progress(done: int, total: int, what: str) -> None:
        if done == 2 and not killed:
            os.kill(workers[0].pid, signal.SIGKILL)
            killed.append(time.monotonic())

    summary = grade_class(course, [SECTION], options=Options(cluster=address), progress=progress)
    assert killed and len(summary.graded) == len(QUICK) and summary.faults == []
    remote = rows(course)
    grade_class(course, [SECTION], options=Options(workers=2, force=True))
    assert rows(course) == remote


def test_a_scheduler_that_is_not_there_is_one_sentence(course):
    make_class(course, [SECTION], QUICK[:1])
    with pytest.raises(UserError, match="cannot be reached"):
        grade_class(course, [SECTION], options=Options(cluster=f"tcp://127.0.0.1:{free_port()}"))


def test_submissions_that_the_cluster_loses_are_sent_again(course, cluster, monkeypatch):
    from distributed import Client

    address, _ = cluster
    make_class(course, [SECTION], QUICK)
    wait_for_workers(address, 2)
    submit, sent = Client.submit, []

    def lost(client, *args, **kwargs):
        future = submit(client, *args, **kwargs)
        sent.append(future.key)
        if len(sent) % 2 and len(sent) < 14:
            future.cancel()
        return future

    monkeypatch.setattr(Client, "submit", lost)
    summary = grade_class(course, [SECTION], options=Options(cluster=address))
    assert len(sent) >= len(QUICK) + 7 and len(summary.graded) == len(QUICK) and summary.faults == []


def test_a_scheduler_that_goes_away_ends_the_run_with_one_sentence_and_keeps_what_is_finished(
    course, cluster, scheduler, monkeypatch
):
    address, _ = cluster
    monkeypatch.setattr("autograder.grading.cluster.RETURN_SECONDS", 3)
    make_class(course, [SECTION], QUICK)
    wait_for_workers(address, 2)

    def progress(done: int, total: int, what: str) -> None:
        if done == 2:
            scheduler.kill()

    with pytest.raises(UserError, match="went away. What is finished is kept"):
        grade_class(course, [SECTION], options=Options(cluster=address), progress=progress)
    summary = grade_class(course, [SECTION], options=Options(workers=2))
    assert summary.skipped >= 2 and summary.skipped + len(summary.graded) == len(QUICK) and summary.faults == []
