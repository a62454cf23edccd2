"""Real pedigrees under simulated genotypes: what is planned, fetched and written."""

import json

import pandas as pd
import pytest
import yaml
from dry_runs import count, plan

RECORDS = "ID,t1,t2\n4,1,2\n5,.,1\n6,2,3\n7,0,1\n8,1,0\n9,3,1\n10,1,1\n"
PEDIGREE = "ID,SIRE,DAM\n1,0,0\n2,0,0\n3,0,0\n" + "".join(
    f"{child},1,{2 + child % 2}\n" for child in range(4, 11)
)


@pytest.fixture
def toy(tmp_path):
    """Config of a population like a toy herd in the pigs' format; mirror in place."""
    folder = tmp_path / "mirror" / "toy"
    folder.mkdir(parents=True)
    (folder / "pedigree.txt").write_text(PEDIGREE)
    (folder / "phenotypes.txt").write_text(RECORDS)
    sources = {
        role: {"name": f"{role}.txt", "manual": "Ask the herd."}
        for role in ("genotypes", "phenotypes", "pedigree")
    }
    herd = {
        "format": "pig",
        "samples": 6,
        "markers": 60,
        "files": sources,
        "traits": {"a": "t1", "b": "t2"},
        "loadings": {"rule": "knee"},
    }
    settings = {"n_chromosomes": 2, "n_qtl": 10, "n_large_qtl": 2}
    like = {
        "format": "simulated",
        "samples": 6,
        "markers": 60,
        "simulation": {"like": "toy", "pedigree": "real", **settings},
        "loadings": {"rule": "knee"},
    }
    return {"datasets": ["toy_like"], "registry": {"toy": herd, "toy_like": like}}


def simulate(snakemake, root, tmp_path, config):
    """Run the simulation alone; returns the process."""
    (tmp_path / "config").symlink_to(root / "config")
    (tmp_path / "user.yaml").write_text(yaml.safe_dump(config))
    target = "results/toy_like/data/provenance.json"
    arguments = ["--cores", "1", "--configfile", "user.yaml", "--", target]
    return snakemake(*arguments, cwd=tmp_path)


def test_genes_drop_through_the_real_pedigree(
    snakemake, root, tmp_path, toy, monkeypatch
):
    monkeypatch.setenv("GRVSNN_DATA_MIRROR", str(tmp_path / "mirror"))
    result = simulate(snakemake, root, tmp_path, toy)
    assert result.returncode == 0, result.stderr
    data = tmp_path / "results/toy_like/data"
    simulated, *sources = json.loads((data / "provenance.json").read_text())["sources"]
    assert (simulated["like"], simulated["pedigree"]) == ("toy", "real")
    assert [source["name"] for source in sources] == ["pedigree.txt", "phenotypes.txt"]
    phenotypes = pd.read_parquet(data / "phenotypes.parquet")
    # animal 5 has a gap in its real records
    assert set(phenotypes["sample_id"]) == {"4", "6", "7", "8", "9", "10"}
    pedigree = pd.read_parquet(data / "pedigree.parquet").set_index("id")
    assert pedigree.loc["4"].to_list() == ["1", "2"]


def test_a_real_pedigree_that_is_not_there_stops_the_run(
    snakemake, root, tmp_path, toy, monkeypatch
):
    monkeypatch.setenv("GRVSNN_DATA_MIRROR", str(tmp_path / "nowhere"))
    result = simulate(snakemake, root, tmp_path, toy)
    assert result.returncode != 0
    assert "must be supplied by you. Ask the herd." in result.stdout + result.stderr
    assert not (tmp_path / "results").exists()


def test_a_simulated_pedigree_needs_no_file(snakemake, root, tmp_path):
    status, text = plan(snakemake, root, tmp_path, "datasets: [pig_like]\n")
    assert status == 0, text
    assert count(text, "simulate_population") == 1 and not count(text, "fetch_file")


def test_fig_2_needs_no_pig_genotypes(snakemake, root, tmp_path):
    text = (root / "config/pedigrees.yaml").read_text()
    status, text = plan(snakemake, root, tmp_path, text)
    assert status == 0, text
    # two of pine and two of the pigs for the simulation, and the mice
    assert count(text, "fetch_file") == 5
    assert "genotypes.txt" not in text
