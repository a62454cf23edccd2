"""Draw the coverage of the prediction intervals by method, setting and trait."""

from grvsnn.figures.ranges import plot_coverage
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """One panel a trait."""
    plot_coverage(read_parquet(job.input.scores), job.output)


run_job(snakemake, main)
