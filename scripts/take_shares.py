"""Leave out training animals of every fold, for learning curves."""

from grvsnn.base.files import read_parquet, write_parquet
from grvsnn.protocol.training_shares import take_shares
from grvsnn.run.job import run_job


def main(job) -> None:
    """Write the folds table of every share."""
    tables = take_shares(
        read_parquet(job.input.folds),
        read_parquet(job.input.phenotypes),
        job.params.shares,
        job.params.seed,
        job.wildcards.dataset,
    )
    for share, path in zip(job.params.shares, job.output, strict=True):
        write_parquet(tables[share], path)


run_job(snakemake, main)
