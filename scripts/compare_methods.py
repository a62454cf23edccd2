"""Test every method against the best of its dataset, setting and trait."""

from grvsnn.compare import compare_methods
from grvsnn.files import read_parquet, write_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """Write the comparisons table."""
    scores = read_parquet(job.input.scores)
    write_parquet(compare_methods(scores, rope=job.params.rope), job.output.comparisons)


run_job(snakemake, main)
