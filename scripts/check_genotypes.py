"""Check a prepared dataset's genotypes: counts, measures and the names behind them."""

import pandas as pd
from grvsnn.base.files import read_json, read_parquet, write_csv, write_parquet
from grvsnn.datasets.filters import count_removed, examine
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.genotypes.checks import Limits, run_checks
from grvsnn.genotypes.plink import read_genotypes
from grvsnn.run.job import run_job


def main(job) -> None:
    """Run the checks on what the filters have left; no phenotype is read."""
    files, settings = job.input, job.params.qc
    dosages, sample_ids, marker_map = read_genotypes(files.genotypes[0])
    data = PreparedDataset(
        dosages,
        marker_map,
        phenotypes=pd.DataFrame({"sample_id": sample_ids}),
        covariates=read_parquet(files.covariates),
        pedigree=read_parquet(files.pedigree) if files.pedigree else None,
    )
    quality = examine(data, settings, job.params.both_sexes)
    summary, flagged = run_checks(quality, Limits.from_mapping(settings))
    removed = count_removed(read_json(files.provenance)["steps"])
    summary["n_removed"] = summary["check"].map(removed).astype("Int64")
    write_parquet(summary, job.output.checks)
    write_parquet(quality.animal_frame(), job.output.animals)
    write_parquet(quality.marker_frame(), job.output.markers)
    write_parquet(quality.pair_frame(), job.output.pairs)
    of_markers = flagged["subject"] == "marker"
    write_csv(flagged[of_markers], job.output.flagged_markers)
    write_csv(flagged[~of_markers], job.output.flagged_animals)


run_job(snakemake, main)
