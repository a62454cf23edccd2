"""Names that a shell, a path or a page would take for something else."""

import pandas as pd
import pytest
import yaml

from tests.herd_files import simulate_herd, write_herd

NAMES = [
    "$(touch${IFS}pwned)",
    "`touch${IFS}pwned`",
    "a;touch${IFS}pwned",
    "it's",
    'say"so"',
    "../../../pwned",
    "<script>alert(1)</script>",
    "=1+1",
    "back\\slash",
    "{dataset}",
    "%s",
    "ærlig-♀",
]


def rename(population, names):
    """Give the genotyped animals other names, in the pedigree too."""
    ids = population.phenotypes["sample_id"]
    new = dict(zip(ids, names, strict=False))
    for table, columns in (
        (population.phenotypes, ["sample_id"]),
        (population.covariates, ["sample_id"]),
        (population.pedigree, ["id", "sire", "dam"]),
    ):
        for column in columns:
            table[column] = table[column].map(lambda name: new.get(name, name))
    return population


def write_config(root, folder, entry):
    (folder / "config").symlink_to(root / "config")
    config = {
        "datasets": ["herd"],
        "settings": ["markers"],
        "methods": ["mean", "gblup"],
        "sentinel": {"methods": []},
        "folds": {"folds": 2, "inner_folds": 2},
        "registry": {"herd": entry},
    }
    (folder / "herd.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.slow
def test_hostile_names_come_through_as_they_are(snakemake, root, tmp_path):
    files = tmp_path / "it's $(touch pwned) here"
    entry = write_herd(rename(simulate_herd(), NAMES), files)["vcf"]
    write_config(root, tmp_path, entry)
    table = "results/herd/tables/performance.html"
    other = "results/herd/tables/comparison.html"
    arguments = ["--cores", "1", "--configfile", "herd.yaml", "--", table, other]
    result = snakemake(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-4000:]
    path = "results/herd/markers/gblup/repeat-1/predictions.parquet"
    assert set(NAMES) <= set(pd.read_parquet(tmp_path / path)["sample_id"])
    assert not list(tmp_path.rglob("pwned*"))
    assert not list(tmp_path.parent.glob("pwned*"))
    for page in (table, other):
        assert "<script>alert" not in (tmp_path / page).read_text()


@pytest.mark.parametrize(
    "name", ["../../outside", "a/b", "x;touch pwned", "$(id)", "it's", "a b"]
)
def test_dataset_and_file_names_cannot_leave_their_folder(
    snakemake, root, tmp_path, name
):
    (tmp_path / "config").symlink_to(root / "config")
    entry = {
        "format": "mouse",
        "samples": 2,
        "markers": 2,
        "files": {"data": {"name": name, "url": "https://example.org/x"}},
        "traits": {"x": "x"},
        "loadings": {"rule": "knee"},
    }
    config = {"datasets": ["herd"], "registry": {"herd": entry}}
    (tmp_path / "herd.yaml").write_text(yaml.safe_dump(config))
    result = snakemake("-n", "--configfile", "herd.yaml", cwd=tmp_path)
    assert result.returncode != 0
    assert "does not match" in result.stdout + result.stderr
