"""Write the methods' comparison or the selection's stability as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.comparisons import comparison_table, stability_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Build the table that the output's name asks for."""
    dataset, name = job.wildcards.dataset, job.wildcards.table
    if name == "comparison":
        frame = read_parquet(job.input.comparisons)
        table = comparison_table(frame, dataset, rope=job.params.rope)
        caption = "Difference from the best method"
    else:
        table = stability_table(read_parquet(job.input.stability))
        caption = "Stability of the selected features over folds"
    write_table(
        table, job.output, f"{caption}: {dataset_label(dataset)}", name, job.input.facts
    )


run_job(snakemake, main)
