"""A run of the tiny benchmark that tests disturb, and what it must come back to."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.quick import FIT, TABLES

LOG = "logs/fit/tiny/markers_pedigree/grvsnn/repeat-1.log"
PATIENCE_S = 900


def command(root: Path, *arguments: str) -> list[str]:
    """Snakemake on this workflow, one job at a time."""
    return [
        *(sys.executable, "-m", "snakemake", "-s", str(root / "workflow/Snakefile")),
        *("--workflow-profile", str(root / "workflow/profiles/default")),
        *("--cores", "1", *arguments),
    ]


class Run:
    """Snakemake making the tables of a folder, with its jobs in a process group."""

    def __init__(self, folder: Path, root: Path):
        self.folder = folder
        # a file elsewhere neither fills up, as a pipe does, nor takes the run's disk
        self._out = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            command(root, *TABLES),
            cwd=folder,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self, timeout: float = PATIENCE_S) -> tuple[int, str]:
        """Wait for its end: exit status and all that it printed."""
        status = self._process.wait(timeout)
        self._out.seek(0)
        return status, self._out.read()

    def terminate(self) -> None:
        """Ask Snakemake to end."""
        self._process.terminate()

    def kill(self, with_jobs: bool) -> None:
        """Kill Snakemake, and what it has started or not."""
        if with_jobs:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()


def start_again(folder: Path, root: Path) -> Run:
    """Do what `make resume` does, but for waiting."""
    fix = [sys.executable, root / "scripts/fix_times.py", "results", "resources"]
    subprocess.run(fix, cwd=folder, check=True)
    unlock = command(root, "--unlock", "--quiet", "all")
    subprocess.run(unlock, cwd=folder, check=True, capture_output=True)
    return Run(folder, root)


def resume(folder: Path, root: Path) -> None:
    """Do what `make resume` does, to its end."""
    status, out = start_again(folder, root).finish()
    assert status == 0, out[-4000:]
    # those of a Snakemake that was killed alone go on without it
    wait_for(lambda: not jobs_of(folder), "end of all jobs")


def wait_for(check: Callable[[], object], what: str) -> object:
    """Return what `check` returns as soon as that is true."""
    end = time.monotonic() + PATIENCE_S
    while not (found := check()):
        assert time.monotonic() < end, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.05)
    return found


def jobs_of(folder: Path) -> list[int]:
    """Processes of the scripts that run in a folder."""
    mark = f"{folder}/.snakemake/scripts/".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if mark in words:
            found.append(int(entry.name))
    return sorted(found)


def fit_of(folder: Path) -> int:
    """Process of the network's fit, as soon as its log is open."""

    def find() -> list[int]:
        return jobs_of(folder) if (folder / LOG).exists() else []

    return wait_for(find, "job")[0]


def assert_as_undisturbed(folder: Path, undisturbed: Path) -> None:
    """Tables and fits are those of the other run, and nothing else has stayed."""
    for name in [*TABLES, f"{FIT}/predictions.parquet", f"{FIT}/features.parquet"]:
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes(), name
    results = folder / "results"
    assert not [*results.rglob(".*"), *results.rglob("checkpoint-*")]


def assert_nothing_partial(folder: Path) -> None:
    """Whatever stands under a final name can be read."""
    for path in (folder / "results").rglob("[!.]*.parquet"):
        pd.read_parquet(path)
