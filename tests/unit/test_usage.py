"""What a job is said to have used is what the kernel counted."""

import subprocess
import sys
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import pytest
from grvsnn.base.usage import Usage, read_usage, sum_usage

BURN = 0.4  # CPU seconds, whatever the machine's load
JOB = f"""
import subprocess, sys, time
from types import SimpleNamespace
from grvsnn.run.job import run_job

BURNER = "import time\\nwhile time.process_time() < {BURN}: pass"

def main(job):
    subprocess.run([sys.executable, "-c", BURNER], check=True)
    until = time.process_time() + {BURN}
    while time.process_time() < until:
        pass

job = SimpleNamespace(log=[], rule="burn", threads=1, output={{"usage": sys.argv[1]}})
run_job(job, main)
"""
# the first attempt is killed in the second fold, the second takes up the first fold
RESUMED = f"""
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from grvsnn.run.checkpoints import fit_fold_by_fold
from grvsnn.run.job import run_job
from grvsnn.protocol.fold_task import FoldFit
from grvsnn.base.usage import earlier_usage

folder, path, killed = Path(sys.argv[1]), sys.argv[2], len(sys.argv) > 3
none = np.zeros((1, 1))

def fit(batch, params, n_threads):
    if batch[0].fold == 1:
        until = time.process_time() + {BURN}
        while time.process_time() < until:
            pass
    elif killed:
        os._exit(9)
    return [FoldFit(none, none, none > 0, info={{}})]

def main(job):
    tasks = [SimpleNamespace(fold=1), SimpleNamespace(fold=2)]
    fit_fold_by_fold(fit, tasks, {{}}, 1, folder)
    return earlier_usage(folder)

job = SimpleNamespace(log=[], rule="fit", threads=1, output={{"usage": path}})
run_job(job, main)
"""


@pytest.fixture
def run_code(root):
    """Run code as a process of its own; returns its exit status."""

    def run(code, *arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        env = {"PYTHONPATH": str(root / "scripts")}
        return subprocess.run(command, env=env, check=False, timeout=120).returncode

    return run


def children_seconds():
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_job_counts_all_of_its_cpu_time_and_its_childrens(run_code, tmp_path):
    path = tmp_path / "benchmarks/burn.json"
    before = children_seconds()
    assert run_code(JOB, path) == 0
    used = read_usage(path)
    assert 2 * BURN <= used.cpu_seconds <= children_seconds() - before
    # child and parent worked one after the other
    assert used.seconds >= 2 * BURN


def test_memory_is_the_jobs_own_and_not_that_of_its_starter(run_code, tmp_path):
    ballast = np.ones(80_000_000)  # 610 MiB, which getrusage passes on to a child
    path = tmp_path / "usage.json"
    body = (
        "def main(job):\n    import numpy\n    x = numpy.ones(30_000_000)\n    return"
    )
    assert run_code(JOB.replace("def main(job):", body), path) == 0
    assert ballast[-1] == 1
    assert 229 < read_usage(path).peak_mb < 500


def test_a_resumed_fit_counts_what_led_to_its_checkpoints(run_code, tmp_path):
    folder, path = tmp_path / "checkpoint", tmp_path / "usage.json"
    assert run_code(RESUMED, folder, path, "killed") == 9
    assert not path.exists()
    (kept,) = folder.glob("usage-*.json")
    earlier = read_usage(kept)
    assert earlier.cpu_seconds >= BURN
    assert run_code(RESUMED, folder, path) == 0
    (last,) = set(folder.glob("usage-*.json")) - {kept}
    used = read_usage(path)
    # the last attempt has gone on a little since its own last checkpoint
    assert used.cpu_seconds >= earlier.cpu_seconds + read_usage(last).cpu_seconds
    assert read_usage(last).cpu_seconds < used.cpu_seconds - BURN


def test_attempts_add_up_and_memory_is_the_largest():
    parts = [Usage(2.0, 3.0, 100.0), Usage(1.0, 0.5, 400.0)]
    assert sum_usage(parts) == Usage(3.0, 3.5, 400.0)
