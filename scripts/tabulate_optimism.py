"""Write what the published protocol adds to r as a table."""

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.optimism import optimism_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset."""
    table = optimism_table(
        read_parquet(job.input.scores), read_parquet(job.input.companions)
    )
    dataset = dataset_label(job.wildcards.dataset)
    caption = f"Nested and published (optimistic) protocol: {dataset}"
    write_table(table, job.output, caption, "optimism", job.input.facts)


run_job(snakemake, main)
