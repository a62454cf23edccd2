"""Write accuracy by the number of training animals as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.shares import share_scores
from grvsnn.tables.learning_curve import learning_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    scores = share_scores(
        read_parquet(job.input.scores),
        read_parquet(job.input.companions),
        read_parquet(job.input.folds),
    )
    caption = f"Learning curves: {dataset_label(job.wildcards.dataset)}"
    write_table(
        learning_table(scores), job.output, caption, "learning_curve", job.input.facts
    )


run_job(snakemake, main)
