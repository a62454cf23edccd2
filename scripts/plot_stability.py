"""Draw how alike the selections of different runs are."""

from grvsnn.figures.ranges import plot_stability
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """One panel a trait."""
    plot_stability(read_parquet(job.input.stability), job.output)


run_job(snakemake, main)
