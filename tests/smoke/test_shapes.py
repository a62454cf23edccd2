"""The whole workflow on pine DBH and on a population of the pigs' shape."""

import os
from pathlib import Path

import pandas as pd
import pytest
from grvsnn.base.usage import read_usage

HERE = Path(__file__).parent
N_METHODS = 8
MOST_MB = 4000

pytestmark = pytest.mark.slow


@pytest.fixture
def run_whole(snakemake, root, tmp_path):
    """Run a config of this folder with its report; returns the results."""

    def run(name):
        (tmp_path / "config").symlink_to(root / "config")
        profile = root / "workflow/profiles/default"
        cores = str(min(os.cpu_count() or 1, 2))
        arguments = ["--cores", cores, "--workflow-profile", str(profile)]
        arguments += ["--configfile", str(HERE / f"{name}.yaml")]
        result = snakemake(*arguments, cwd=tmp_path, timeout=7200)
        assert result.returncode == 0, result.stderr[-5000:]
        results = tmp_path / "results"
        assert (results / f"report-{name}.html").stat().st_size > 0
        return results

    return run


def peak_megabytes(results):
    """Largest resident memory of any measured job."""
    files = (results / "benchmarks").rglob("*.json")
    return max(read_usage(path).peak_mb for path in files)


@pytest.mark.mirror
def test_pine(run_whole, mirror):
    if not (mirror / "pine" / "pheno_pine.rda").exists():
        pytest.skip("the mirror has no pine/pheno_pine.rda")
    results = run_whole("pine")
    scores = pd.read_parquet(results / "summary/scores.parquet")
    r = scores[scores["metric"] == "r"].groupby("method")["value"].mean()
    assert scores["method"].nunique() == N_METHODS
    # GBLUP of DBH reaches 0.46 with four fifths of the trees, half are here
    assert 0.3 < r["gblup"] < 0.6
    assert peak_megabytes(results) < MOST_MB


def test_the_pigs_shape(run_whole):
    results = run_whole("pig_like")
    scores = pd.read_parquet(results / "summary/scores.parquet")
    assert scores["method"].nunique() == N_METHODS
    assert scores["trait"].nunique() == 5
    accuracy = scores[scores["metric"] == "accuracy_breeding"]
    accuracy = accuracy.groupby("method")["value"].mean()
    assert accuracy["gblup"] > 0.3
    assert peak_megabytes(results) < MOST_MB
