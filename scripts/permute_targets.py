"""Permute the phenotypes of each fold's training animals, for a control."""

from grvsnn.base.files import read_parquet, write_parquet
from grvsnn.run.job import run_job
from grvsnn.scoring.null_band import permute_training


def main(job) -> None:
    """Write one repeat's permuted training phenotypes."""
    folds = read_parquet(job.input.folds)
    permuted = permute_training(
        read_parquet(job.input.training),
        folds[folds["repeat"] == int(job.wildcards.repeat)],
        job.params.seed,
        job.wildcards.dataset,
    )
    write_parquet(permuted, job.output.permuted)


run_job(snakemake, main)
