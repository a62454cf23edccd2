"""The SLURM profile on a real SLURM: same tables as here, and jobs that are lost."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cluster import Cluster, missing_for_slurm, wait_until

from tests.quick import FIT, TABLES, prepare, tables_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    if missing := missing_for_slurm():
        pytest.skip(missing)
    # pytest's own folders have paths too long for a socket
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def here(tmp_path_factory, snakemake, root):
    """Tables of the quick config, made on this machine."""
    folder = prepare(tmp_path_factory.mktemp("here") / "run", root)
    profile = str(root / "workflow/profiles/default")
    result = snakemake("--workflow-profile", profile, *TABLES, cwd=folder)
    assert result.returncode == 0, result.stderr[-5000:]
    return folder


@pytest.fixture(scope="module")
def there(tmp_path_factory, cluster, root):
    """The same, made through SLURM."""
    folder = prepare(tmp_path_factory.mktemp("there") / "run", root)
    run = start(folder, root, *TABLES)
    out, _ = run.communicate(timeout=3600)
    assert run.returncode == 0, out[-5000:]
    return folder


def start(folder, root, *targets):
    """Start the workflow with the SLURM profile, asked of more often than on a site."""
    command = [sys.executable, "-m", "snakemake", "-s", root / "workflow/Snakefile"]
    command += ["--workflow-profile", root / "workflow/profiles/slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "5"]
    # so many as this machine can carry
    command += ["--latency-wait", "20", "--jobs", "4"]
    command += ["--set-resources", "fit_network:slurm_partition=cards"]
    command += ["fit_network:gpu_model=fake", "--", *targets]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_tables_equal_those_of_a_run_without_slurm(here, there):
    for name in TABLES:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name


def test_networks_get_a_card_of_the_partition_for_cards(cluster, there):
    jobs = cluster.jobs(r"^rule_fit_network_")
    assert jobs
    for job in jobs:
        assert job["Partition"] == "cards"
        assert "gpu:fake:1" in job["TresPerJob"]
    others = cluster.jobs(r"^rule_fit_bayes")
    assert others
    for job in others:
        assert job["Partition"] == "main"
        assert "TresPerJob" not in job


def test_memory_and_time_are_the_rules_own(cluster, there):
    # 96 animals x 200 markers: 0.02 million dosages
    for job in cluster.jobs(r"^rule_fit_network"):
        assert job["MinMemoryNode"] == "2002M"
        assert job["TimeLimit"] == "00:30:00"


def test_small_jobs_share_one(cluster, there):
    """Each was a job of its own, its log says; SLURM saw far fewer."""
    logs = [p for p in (there / "logs").rglob("*.log") if "slurm" not in p.parts]
    assert len(cluster.jobs()) <= len(logs) - len(TABLES) + 1


def test_a_cancelled_job_is_sent_again_with_more_memory(cluster, there, root):
    fit = there / FIT
    before = (fit / "predictions.parquet").read_bytes()
    known = {job["JobId"] for job in cluster.jobs()}
    shutil.rmtree(fit)
    run = start(there, root, f"{fit.relative_to(there)}/predictions.parquet")

    def new(pattern="^rule_fit_network"):
        return [job for job in cluster.running(pattern) if job["JobId"] not in known]

    first = wait_until(new, 600, "first job")[0]
    cluster.ask("scancel", first["JobId"])
    out, _ = run.communicate(timeout=1800)
    assert run.returncode == 0, out[-5000:]
    jobs = [job for job in cluster.jobs("^rule_fit_") if job["JobId"] not in known]
    asked = [job["MinMemoryNode"] for job in jobs]
    assert asked == ["2002M", "4003M"]
    assert (fit / "predictions.parquet").read_bytes() == before


def test_a_lost_node_costs_only_its_jobs(cluster, there, root):
    fit = there / FIT
    before = (fit / "predictions.parquet").read_bytes()
    known = {job["JobId"] for job in cluster.jobs()}
    shutil.rmtree(fit)
    run = start(there, root, f"{fit.relative_to(there)}/predictions.parquet")
    wait_until(
        lambda: [job for job in cluster.running("^rule") if job["JobId"] not in known],
        600,
        "first job",
    )
    cluster.lose_node()
    cluster.start_node()
    out, _ = run.communicate(timeout=1800)
    assert run.returncode == 0, out[-5000:]
    assert (fit / "predictions.parquet").read_bytes() == before


def test_the_embedded_benchmark_is_the_same(cluster, snakemake, root, tmp_path):
    """All of `make run`, through SLURM and without it."""
    config = root / "config/config.yaml"
    without = prepare(tmp_path / "without", root, config)
    profile = str(root / "workflow/profiles/default")
    result = snakemake("--workflow-profile", profile, cwd=without, timeout=7200)
    assert result.returncode == 0, result.stderr[-5000:]
    through = prepare(tmp_path / "through", root, config)
    run = start(through, root, "all")
    out, _ = run.communicate(timeout=7200)
    assert run.returncode == 0, out[-5000:]
    assert tables_of(through) == tables_of(without)
    assert len(tables_of(through)) > len(TABLES)
