import os
import subprocess
import sys
from pathlib import Path

import pytest

# one test process a core; numpy and torch read this when they are first imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def mirror():
    """Folder of raw files, e.g. mouse/mice.RData in it."""
    folder = os.environ.get("GRVSNN_DATA_MIRROR")
    if not folder:
        pytest.skip("GRVSNN_DATA_MIRROR is not set: no raw data files here")
    return Path(folder)


@pytest.fixture(scope="session")
def snakemake():
    """Run Snakemake on this workflow; returns the finished process."""

    def run(*arguments, cwd=ROOT, timeout=1800):
        command = [sys.executable, "-m", "snakemake", "-s", ROOT / "workflow/Snakefile"]
        return subprocess.run(
            [*command, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
