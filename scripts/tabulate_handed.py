"""Hold the animals that every fit was handed against the test animals of its fold."""

from pathlib import Path

from grvsnn.files import read_json, read_parquet
from grvsnn.handed import demand_no_test_animal, handed_animals
from grvsnn.jobs import run_job
from grvsnn.labels import dataset_label
from grvsnn.tables.audit import handed_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Write the table of one dataset; a test animal under ``nested`` is an error."""
    lines = Path(job.input.fam).read_text(encoding="utf-8").splitlines()
    handed = handed_animals(
        (read_json(path) for path in job.input.fits),
        read_parquet(job.input.folds),
        [line.split()[1] for line in lines],
    )
    if job.params.protocol == "nested":
        demand_no_test_animal(handed)
    table = handed_table(handed, job.params.protocol)
    caption = f"Animals that fits were handed: {dataset_label(job.wildcards.dataset)}"
    write_table(table, job.output, caption, "handed", job.input.facts)


run_job(snakemake, main)
