"""Write coverage and width of the prediction intervals as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.intervals import intervals_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Build the dataset's table from its scores."""
    dataset = job.wildcards.dataset
    table = intervals_table(read_parquet(job.input.scores), dataset)
    caption = f"Prediction intervals: {dataset_label(dataset)}"
    write_table(table, job.output, caption, "intervals", job.input.facts)


run_job(snakemake, main)
