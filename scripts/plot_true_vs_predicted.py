"""Draw observed against predicted test phenotypes of the network (Fig. 1)."""

from grvsnn.figures.scatter import pair_up, plot_true_vs_predicted
from grvsnn.files import read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """Every animal of one repeat is one point."""
    predictions = read_parquet(job.input.predictions[0])
    truth = read_parquet(job.input.truth)
    plot_true_vs_predicted(pair_up(predictions, truth), job.output)


run_job(snakemake, main)
