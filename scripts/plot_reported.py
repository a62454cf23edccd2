"""Draw reported and reproduced numbers of one dataset."""

import pandas as pd
from grvsnn.figures.reported import plot_reported
from grvsnn.jobs import run_job


def main(job) -> None:
    """One row of panels a trait."""
    reproduced = pd.read_csv(job.input.reproduced)
    mine = reproduced["dataset"] == job.wildcards.dataset
    plot_reported(reproduced[mine].dropna(subset="trait"), job.output)


run_job(snakemake, main)
