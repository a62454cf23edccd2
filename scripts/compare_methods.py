"""Test every method against the best of its dataset, setting and trait."""

import pandas as pd
from grvsnn.compare import compare_methods
from grvsnn.files import write_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """Write the comparisons table."""
    scores = pd.read_parquet(job.input.scores)
    write_parquet(compare_methods(scores, rope=job.params.rope), job.output.comparisons)


run_job(snakemake, main)
