"""Where BGLR is asked for and cannot run, check and run stop with one clear line."""

import os
import shutil
import subprocess
import sys

import pytest

ASKED = "datasets: [embedded]\nmethods: [gblup, brr, bayescpi]\nbayes: {backend: %s}\n"


@pytest.fixture
def without_r(tmp_path, monkeypatch):
    """A PATH with what Snakemake asks for and no R."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "which"):
        (folder / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def write(root, tmp_path):
    def inner(backend):
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / "config").symlink_to(root / "config")
        (folder / "mine.yaml").write_text(ASKED % backend)
        return folder

    return inner


def check(root, folder):
    command = [sys.executable, str(root / "scripts/check_config.py"), "mine.yaml"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ
    )


@pytest.mark.usefixtures("without_r")
def test_check_fails_where_bglr_cannot_run(root, write):
    result = check(root, write("bglr"))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: brr, bayescpi: backend bglr: ")
    assert "not installed" in line and "backend: native" in line
    assert "ready" not in result.stdout


@pytest.mark.usefixtures("without_r")
def test_check_names_the_backend_and_why(root, write):
    result = check(root, write("auto"))
    assert result.returncode == 0, result.stderr
    (line,) = [text for text in result.stdout.splitlines() if "backend" in text]
    assert line.startswith("brr, bayescpi: backend native: BGLR cannot run here: ")
    assert "not installed" in line


@pytest.mark.usefixtures("without_r")
def test_a_run_stops_before_its_first_job(snakemake, write):
    folder = write("bglr")
    arguments = ("--cores", "1", "--configfile", "mine.yaml")
    result = snakemake(*arguments, cwd=folder)
    assert result.returncode != 0
    output = result.stdout + result.stderr
    assert "brr, bayescpi: backend bglr: " in output
    assert "Traceback" not in output
    assert not (folder / "results").exists()
