"""Write every rule of selection of every method as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.selection import selection_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    table = selection_table(
        read_parquet(job.input.scores),
        read_parquet(job.input.stability),
        window=f"{job.params.window_cm:g} cM",
    )
    caption = f"Rules of selection: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "selection", job.input.facts)


run_job(snakemake, main)
