"""Write the accuracy of fits to permuted phenotypes, beside its null band."""

import logging

from grvsnn.files import read_parquet
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.sentinel import null_frame
from grvsnn.tables.audit import sentinel_table
from grvsnn.tables.write import write_table

logger = logging.getLogger("grvsnn")


def main(job) -> None:
    """Write the table of one dataset; a warning where a control is not null."""
    null = null_frame(read_parquet(job.input.controls))
    table = sentinel_table(null, read_parquet(job.input.scores))
    if not null["inside"].all():
        logger.warning("%s", table.note)
    caption = f"Permuted phenotypes: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "sentinel", job.input.facts)


run_job(snakemake, main)
