"""A small simulated herd, written as a breeder's files in every format."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from grvsnn.genotypes.plink import write_genotypes
from grvsnn.simulation.population import SimulatedPopulation, simulate_population

PARAMS = {
    "n_sires": 3,
    "n_snps": 60,
    "n_chromosomes": 2,
    "n_qtl": 6,
    "n_large_qtl": 2,
    "missing_genotypes": 0.05,
    "missing_phenotypes": 0.2,
}


def simulate_herd(seed: int = 1) -> SimulatedPopulation:
    population = simulate_population(PARAMS, seed)
    # a VCF file has no genetic map
    population.markers["cm"] = 0.0
    return population


def write_herd(population: SimulatedPopulation, folder: Path) -> dict[str, dict]:
    """Write every file; returns format -> registry entry."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = population.phenotypes["sample_id"].to_numpy(str)
    X, markers = population.genotypes, population.markers
    write_genotypes(X, ids, markers, folder / "herd.bed")
    write_vcf(X, ids, markers, folder / "herd.vcf.gz")
    write_raw(X, ids, markers, folder / "herd.raw")
    write_hapmap(X, ids, markers, folder / "herd.hmp.txt")
    table = pd.DataFrame(X, index=ids, columns=markers["snp"]).astype(object)
    table = table.where(table >= 0, "NA")
    table.to_csv(folder / "herd.csv", index_label="id")
    table.T.to_csv(folder / "turned.tsv", sep="\t")
    records = population.phenotypes.merge(population.covariates, on="sample_id")
    # another order than the genotypes', and one more animal
    records = records.sample(frac=1, random_state=1)
    records.loc[-1] = ["stranger", *records.iloc[0, 1:]]
    records.to_csv(folder / "records.csv", index=False, na_rep="-9", sep=";")
    pedigree = population.pedigree.sample(frac=1, random_state=2)
    pedigree = pedigree[["id", "sire", "dam"]].replace("", "0")
    pedigree.to_csv(folder / "pedigree.txt", sep=" ", index=False)
    traits = [name for name in population.phenotypes if name != "sample_id"]
    covariates = [name for name in population.covariates if name != "sample_id"]
    common = {
        "samples": len(ids),
        "markers": len(markers),
        "traits": {name: name for name in traits},
        "covariates": covariates,
        "factors": covariates,
        "missing": [-9],
        "loadings": {"rule": "knee"},
    }
    shared = {
        "phenotypes": str(folder / "records.csv"),
        "pedigree": str(folder / "pedigree.txt"),
    }
    genotypes = {
        "plink": {"genotypes": str(folder / "herd.bed")},
        "vcf": {"genotypes": str(folder / "herd.vcf.gz")},
        "raw": {
            "genotypes": str(folder / "herd.raw"),
            "map": str(folder / "herd.bim"),
        },
        "hapmap": {"genotypes": str(folder / "herd.hmp.txt")},
        "csv": {
            "genotypes": str(folder / "herd.csv"),
            "map": str(folder / "herd.bim"),
        },
    }
    entries = {
        name: {"format": name, "files": {**files, **shared}, **common}
        for name, files in genotypes.items()
    }
    turned = {**entries["csv"]["files"], "genotypes": str(folder / "turned.tsv")}
    entries["turned"] = {**entries["csv"], "files": turned, "rows": "markers"}
    return entries


def write_vcf(
    X: np.ndarray, ids: np.ndarray, markers: pd.DataFrame, path: Path
) -> None:
    spelling = {-1: "./.", 0: "0/0", 1: "0|1", 2: "1/1"}
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = ["##fileformat=VCFv4.3", "\t".join([*fixed, *ids])]
    for column, marker in enumerate(markers.itertuples()):
        site = [marker.chromosome, marker.position, marker.snp, marker.a2, marker.a1]
        calls = [f"{spelling[call]}:30" for call in X[:, column].tolist()]
        lines.append("\t".join([*map(str, site), ".", "PASS", ".", "GT:DP", *calls]))
    with gzip.open(path, "wt", encoding="utf-8") as opened:
        opened.write("\n".join(lines) + "\n")


def write_raw(
    X: np.ndarray, ids: np.ndarray, markers: pd.DataFrame, path: Path
) -> None:
    names = [f"{marker.snp}_{marker.a1}" for marker in markers.itertuples()]
    lines = [" ".join(["FID", "IID", "PAT", "MAT", "SEX", "PHENOTYPE", *names])]
    for name, calls in zip(ids, X.tolist(), strict=True):
        cells = ["NA" if call < 0 else str(call) for call in calls]
        lines.append(" ".join(["0", name, "0", "0", "0", "-9", *cells]))
    path.write_text("\n".join(lines) + "\n")


def write_hapmap(
    X: np.ndarray, ids: np.ndarray, markers: pd.DataFrame, path: Path
) -> None:
    fixed = "rs# alleles chrom pos strand assembly# center protLSID assayLSID panelLSID"
    lines = ["\t".join([*fixed.split(), "QCcode", *ids])]
    for column, marker in enumerate(markers.itertuples()):
        other, counted = marker.a2, marker.a1
        pairs = {-1: "NN", 0: 2 * other, 1: counted + other, 2: 2 * counted}
        site = [marker.snp, f"{other}/{counted}", marker.chromosome, marker.position]
        calls = [pairs[call] for call in X[:, column].tolist()]
        lines.append("\t".join([*map(str, site), "+", *["NA"] * 6, *calls]))
    path.write_text("\n".join(lines) + "\n")
