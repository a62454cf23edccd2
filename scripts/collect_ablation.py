"""Join the scores and epochs of the networks and of their variants."""

from grvsnn.ablation import ablation_scores
from grvsnn.files import read_json, read_parquet, write_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """Write the ablation's long scores."""
    scores = ablation_scores(
        read_parquet(job.input.scores),
        read_parquet(job.input.variants),
        [read_json(path) for path in job.input.fits],
    )
    write_parquet(scores, job.output[0])


run_job(snakemake, main)
