"""Faults in the middle of a run: after `make resume` the tables are as without them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow
CONFIG = Path(__file__).parents[1] / "quick.yaml"
TARGETS = ["results/tiny/tables/performance.csv", "results/tiny/tables/truth.csv"]
FIT = "results/tiny/markers_pedigree/grvsnn/repeat-1"
LOG = "logs/fit/tiny/markers_pedigree/grvsnn/repeat-1.log"
PATIENCE_S = 900


def command(root, *arguments):
    return [
        *(sys.executable, "-m", "snakemake", "-s", str(root / "workflow/Snakefile")),
        *("--workflow-profile", str(root / "workflow/profiles/default")),
        *("--cores", "1", *arguments),
    ]


def start(folder, root):
    return subprocess.Popen(
        command(root, *TARGETS),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(run):
    out, _ = run.communicate(timeout=PATIENCE_S)
    return run.returncode, out


def resume(folder, root):
    """Do what `make resume` does."""
    mend = [sys.executable, root / "scripts/mend_times.py", "results", "resources"]
    subprocess.run(mend, cwd=folder, check=True)
    unlock = command(root, "--unlock", "--quiet", "all")
    subprocess.run(unlock, cwd=folder, check=True, capture_output=True)
    status, out = finish(start(folder, root))
    assert status == 0, out[-4000:]


def wait_for(check, what):
    end = time.monotonic() + PATIENCE_S
    while not (found := check()):
        assert time.monotonic() < end, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.05)
    return found


def job_of(folder):
    """Process of the script that fits in a folder, as soon as its log is open."""

    def find():
        if not (folder / LOG).exists():
            return None
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{folder}/.snakemake/scripts/".encode() in words:
                return int(entry.name)
        return None

    return wait_for(find, "job")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    (folder / "config").mkdir(parents=True)
    shutil.copy(root / "config/datasets.yaml", folder / "config")
    shutil.copy(CONFIG, folder / "config/config.yaml")
    status, out = finish(start(folder, root))
    assert status == 0, out[-4000:]
    return folder


def half_done(undisturbed, folder):
    """Copy the run to a folder, without the network's fit and what came after it."""
    shutil.copytree(undisturbed, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / FIT)
    shutil.rmtree(folder / "results/tiny/tables")
    (folder / "results/tiny/scores.parquet").unlink()
    (folder / LOG).unlink()
    return folder


@pytest.fixture
def folder(undisturbed, tmp_path):
    return half_done(undisturbed, tmp_path / "run")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, with a function that mounts it anew."""
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


def assert_as_undisturbed(folder, undisturbed):
    for name in [*TARGETS, f"{FIT}/predictions.parquet", f"{FIT}/features.parquet"]:
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes(), name
    results = folder / "results"
    assert not [*results.rglob(".*"), *results.rglob("checkpoint-*")]


def assert_nothing_partial(folder):
    """Whatever stands under a final name can be read."""
    for path in (folder / "results").rglob("[!.]*.parquet"):
        pd.read_parquet(path)


@pytest.mark.parametrize("whole_group", [False, True], ids=["alone", "with its jobs"])
def test_snakemake_is_killed(folder, undisturbed, root, whole_group):
    run = start(folder, root)
    job_of(folder)
    if whole_group:
        os.killpg(run.pid, signal.SIGKILL)
    else:
        run.kill()
    run.wait()
    assert_nothing_partial(folder)
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_is_killed(folder, undisturbed, root, number):
    run = start(folder, root)
    os.kill(job_of(folder), number)
    status, _ = finish(run)
    assert status != 0
    assert not (folder / FIT / "predictions.parquet").exists()
    assert not list((folder / "results").rglob(".*"))
    if number == signal.SIGTERM:
        assert "stopped by SIGTERM" in (folder / LOG).read_text()
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


def test_snakemake_is_told_to_end(folder, undisturbed, root):
    """It lets the running job finish and starts no other."""
    run = start(folder, root)
    job_of(folder)
    run.terminate()
    finish(run)
    assert not (folder / TARGETS[0]).exists()
    resume(folder, root)
    assert_as_undisturbed(folder, undisturbed)


def test_the_disk_is_full(undisturbed, root, small_disk):
    disk, _ = small_disk
    folder = half_done(undisturbed, disk)
    run = start(folder, root)
    job_of(folder)
    # nothing is left for the fit's own files; the run writes its logs meanwhile
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(65536)):
            pass
    status, out = finish(run)
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
    status, out = finish(start(folder, root))
    assert status != 0
    assert "Read-only file system" in out
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
    status, out = finish(start(folder, root))
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
        command(root, "-n", *TARGETS), cwd=folder, capture_output=True, text=True
    )
    assert "Nothing to be done" in again.stdout + again.stderr
