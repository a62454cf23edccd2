"""Adjust and standardise phenotypes by training rows; hide the test phenotypes."""

from grvsnn.base.files import read_parquet, write_parquet
from grvsnn.protocol.targets import make_targets
from grvsnn.run.job import run_job


def main(job) -> None:
    """Write what training may see and what scoring compares with."""
    folds = read_parquet(job.input.folds)
    covariates = job.input.get("covariates")
    training, truth = make_targets(
        read_parquet(job.input.phenotypes),
        read_parquet(covariates) if covariates else None,
        folds[folds["repeat"] == int(job.wildcards.repeat)],
        job.params.protocol,
    )
    write_parquet(training, job.output.training)
    write_parquet(truth, job.output.truth)


run_job(snakemake, main)
