"""One's own herd through the rules, and `make check`."""

import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import relationship_matrix

from tests.herd_files import simulate_herd, write_herd

SETTINGS = ["markers", "markers_pedigree"]


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """Entry of each format, and of A and of nothing in the pedigree's place."""
    folder, population = tmp_path_factory.mktemp("files"), simulate_herd()
    found = write_herd(population, folder)
    pedigree = Pedigree.from_frame(population.pedigree)
    A = pd.DataFrame(relationship_matrix(pedigree), pedigree.ids, pedigree.ids)
    A.to_csv(folder / "A.csv")
    files = {k: v for k, v in found["vcf"]["files"].items() if k != "pedigree"}
    found["alone"] = {**found["vcf"], "files": files}
    files = {**files, "relationship": str(folder / "A.csv")}
    found["matrix"] = {**found["vcf"], "files": files}
    return found


@pytest.fixture
def write_config(root, tmp_path):
    """Write herd.yaml for an entry into an empty working folder."""

    def write(entry, **changes):
        (tmp_path / "config").symlink_to(root / "config")
        config = {
            "datasets": ["herd"],
            "settings": SETTINGS,
            "methods": ["mean", "gblup"],
            "folds": {"folds": 2, "inner_folds": 2},
            "registry": {"herd": entry},
            **changes,
        }
        text = yaml.safe_dump(config)
        (tmp_path / "herd.yaml").write_text(text)
        return tmp_path

    return write


def check(root, folder):
    """Run what `make check` runs."""
    command = [sys.executable, root / "scripts/check_config.py", "herd.yaml"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "settings", "rule", "loadings"),
    [
        ("plink", SETTINGS, "prepare_dataset_pedigree ", True),
        ("matrix", SETTINGS, "prepare_dataset_relationship ", True),
        ("alone", ["markers"], "prepare_dataset ", False),
    ],
)
def test_rules_are_planned_by_the_relatives_at_hand(
    snakemake, entries, write_config, name, settings, rule, loadings
):
    folder = write_config(entries[name], settings=settings)
    arguments = ["-n", "--cores", "1", "--configfile", "herd.yaml"]
    result = snakemake(*arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert rule in result.stdout
    assert ("compute_loadings" in result.stdout) == loadings
    assert "fetch_file" not in result.stdout


def test_run_refuses_a_setting_without_relatives(snakemake, entries, write_config):
    folder = write_config(entries["alone"])
    arguments = ["-n", "--cores", "1", "--configfile", "herd.yaml"]
    result = snakemake(*arguments, cwd=folder)
    assert result.returncode != 0
    output = result.stdout + result.stderr
    assert "setting 'markers_pedigree' needs a pedigree or relationship" in output
    assert "Traceback" not in output


def test_check_ends_with_ready(root, entries, write_config):
    folder = write_config(entries["plink"])
    result = check(root, folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("\nready\n")
    assert sorted(path.name for path in folder.iterdir()) == ["config", "herd.yaml"]


def test_check_lists_every_problem(root, entries, write_config):
    entry = {**entries["csv"], "covariates": [], "factors": []}
    entry["files"] = {**entry["files"], "pedigree": "gone.csv", "map": "lost.bim"}
    result = check(root, write_config(entry))
    assert result.returncode == 1
    errors = result.stderr.splitlines()
    assert [line.split()[1] for line in errors] == ["lost.bim", "gone.csv"]
    assert "ready" not in result.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"folds": {"fold": 5}}, ["'fold' was unexpected", "Did you mean 'folds'?"]),
        ({"methods": ["gblub"]}, ["'gblub' is not one of", "Did you mean 'gblup'?"]),
        ({"datasets": ["heard"]}, ["Unknown dataset 'heard'", "did you mean 'herd'?"]),
        ({"datasets": ["embedded"]}, []),
    ],
)
def test_check_knows_the_schemas(root, entries, write_config, changes, words):
    result = check(root, write_config(entries["vcf"], **changes))
    assert result.returncode == bool(words), result.stderr
    assert len(result.stderr.splitlines()) == bool(words)
    assert all(word in result.stderr for word in words)


@pytest.mark.slow
def test_every_format_gives_the_same_predictions(
    snakemake, entries, write_config, tmp_path
):
    """A herd's pedigree, or A itself: the bytes of every prediction are the same."""
    names = [
        f"results/herd/{setting}/gblup/repeat-1/predictions.parquet"
        for setting in SETTINGS
    ]
    found = {}
    for name in ("plink", "vcf", "csv", "turned", "matrix"):
        folder = write_config(entries[name])
        arguments = ["--cores", "1", "--configfile", "herd.yaml", "--", *names]
        result = snakemake(*arguments, cwd=folder)
        assert result.returncode == 0, result.stderr
        found[name] = [(folder / path).read_bytes() for path in names]
        (folder / "config").unlink()
        shutil.rmtree(folder / "results")
    assert all(predictions == found["plink"] for predictions in found.values())
