"""Draw accuracy under the nested and the published protocol."""

from grvsnn.figures.optimism import plot_optimism
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """Draw one dataset."""
    scores = read_parquet(job.input.scores)
    plot_optimism(scores, read_parquet(job.input.companions), job.output)


run_job(snakemake, main)
