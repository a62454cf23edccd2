"""Put the scores of all configured datasets into one table."""

import pandas as pd
from grvsnn.base.files import read_parquet, write_parquet
from grvsnn.run.job import run_job


def main(job) -> None:
    """Concatenate in the config's order."""
    parts = [read_parquet(path) for path in job.input.scores]
    write_parquet(pd.concat(parts, ignore_index=True), job.output[0])


run_job(snakemake, main)
