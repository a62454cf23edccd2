"""Faults in the middle of a run: after `make resume` the tables are as without them."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress

import numpy as np
import pytest
from runs import (
    LOG,
    Run,
    assert_as_undisturbed,
    assert_nothing_partial,
    command,
    fit_of,
    jobs_of,
    resume,
    start_again,
)

from tests.quick import FIT, TABLES, prepare

pytestmark = pytest.mark.slow
CYCLES = 20
# from before Snakemake's first job to the tables
DELAY_S = (3.0, 25.0)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, root):
    folder = prepare(tmp_path_factory.mktemp("undisturbed") / "run", root)
    status, out = Run(folder, root).finish()
    assert status == 0, out[-4000:]
    return folder


def half_done(undisturbed, folder):
    """Copy the run to a folder, without the network's fit and what came after it."""
    shutil.copytree(undisturbed, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / FIT)
    shutil.rmtree(folder / "results/tiny/tables")
    for name in ("scores", "stability"):
        (folder / f"results/tiny/{name}.parquet").unlink()
    (folder / LOG).unlink()
    return folder


@pytest.fixture
def folder(undisturbed, tmp_path):
    return half_done(undisturbed, tmp_path / "run")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, with a function that mounts it again."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")

    def remount(options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)

    yield disk, remount
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("with_jobs", [False, True], ids=["alone", "with its jobs"])
def test_snakemake_is_killed(folder, undisturbed, root, with_jobs):
    run = Run(folder, root)
    fit_of(folder)
    run.kill(with_jobs)
    assert_nothing_partial(folder)
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_is_killed(folder, undisturbed, root, number):
    run = Run(folder, root)
    os.kill(fit_of(folder), number)
    status, _ = run.finish()
    assert status != 0
    assert not (folder / FIT / "predictions.parquet").exists()
    assert not list((folder / "results").rglob(".*"))
    if number == signal.SIGTERM:
        assert "stopped by SIGTERM" in (folder / LOG).read_text()
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


def test_snakemake_is_told_to_end(folder, undisturbed, root):
    """It lets the running job finish and starts no other."""
    run = Run(folder, root)
    fit_of(folder)
    run.terminate()
    run.finish()
    assert not (folder / TABLES[0]).exists()
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


def test_the_disk_is_full(undisturbed, root, small_disk):
    disk, _ = small_disk
    folder = half_done(undisturbed, disk)
    run = Run(folder, root)
    fit_of(folder)
    # nothing is left for the fit's own files; the run writes its logs meanwhile
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(65536)):
            pass
    status, out = run.finish()
    assert status != 0
    assert "No space left on device" in out
    assert_nothing_partial(folder)
    (disk / "ballast").unlink()
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


def test_results_are_read_only(undisturbed, root, small_disk, tmp_path):
    disk, remount = small_disk
    folder = half_done(undisturbed, tmp_path / "run")
    shutil.copytree(folder / "results", disk, dirs_exist_ok=True)
    shutil.rmtree(folder / "results")
    (folder / "results").symlink_to(disk)
    remount("ro")
    status, out = Run(folder, root).finish()
    assert status != 0
    # what would be made again is named, before anything is
    assert "Write-protected output files" in out
    assert "results/tiny/comparisons.parquet" in out
    remount("rw")
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


@pytest.mark.parametrize(
    "name",
    ["targets/repeat-1/training.parquet", "data/genotypes.bed", "folds.parquet"],
)
def test_an_intermediate_file_is_damaged(folder, undisturbed, root, name):
    """The job that reads it says which, and removing it is all it takes."""
    path = folder / "results/tiny" / name
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-20])
    # as damage by a disk does
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    status, out = Run(folder, root).finish()
    assert status != 0
    assert f"results/tiny/{name}" in out
    assert "damaged" in out
    assert "remove" in out
    assert "Traceback" not in out
    path.unlink()
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("days", [-1, 1])
def test_the_clock_jumps(folder, undisturbed, root, days):
    """What was made before the jump is a day older, or not made yet."""
    for path in (folder / "results").rglob("*"):
        old = path.stat().st_mtime_ns
        os.utime(path, ns=(old, old + days * 86_400 * 10**9))
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)
    again = subprocess.run(
        command(root, "-n", *TABLES), cwd=folder, capture_output=True, text=True
    )
    assert "Nothing to be done" in again.stdout + again.stderr


def test_random_kills(undisturbed, root, tmp_path, capsys):
    """Kill Snakemake, its jobs or both at any moment, and go on, until it is enough."""
    rng = np.random.default_rng(1)
    folder = prepare(tmp_path / "run-0", root)
    struck = {"Snakemake alone": 0, "Snakemake with its jobs": 0, "a job": 0}
    finished = 0
    while sum(struck.values()) < CYCLES:
        run = start_again(folder, root)
        try:
            status, out = run.finish(timeout=rng.uniform(*DELAY_S))
        except subprocess.TimeoutExpired:
            struck[strike(run, list(struck)[rng.integers(len(struck))])] += 1
            assert_nothing_partial(folder)
            continue
        assert status == 0, out[-4000:]
        finished += 1
        assert_as_undisturbed(folder, undisturbed)
        folder = prepare(tmp_path / f"run-{finished}", root)
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)
    with capsys.disabled():
        kinds = ", ".join(f"{kind} {number}" for kind, number in struck.items())
        print(
            f"\n{sum(struck.values())} kills ({kinds}) in {finished + 1} runs: 0 of "
            f"{len(TABLES)} tables differ in any, 0 partial files"
        )


def strike(run, kind):
    """Kill what is asked for; returns what was killed."""
    jobs = jobs_of(run.folder)
    if kind == "a job" and jobs:
        with suppress(ProcessLookupError):
            os.kill(jobs[-1], signal.SIGKILL)
        run.finish()
        return kind
    with_jobs = kind != "Snakemake alone"
    run.kill(with_jobs)
    return "Snakemake with its jobs" if with_jobs else kind
