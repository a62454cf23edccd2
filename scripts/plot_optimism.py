"""Draw what leakage adds to accuracy."""

from grvsnn.figures.optimism import plot_optimism
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.optimism import fitted_shares, read_optimism


def main(job) -> None:
    """Draw one dataset."""
    plot_optimism(
        read_optimism(job.input.scores, job.input.companions, job.input.variants),
        fitted_shares(read_parquet(job.input.folds)),
        job.output,
    )


run_job(snakemake, main)
