"""Write what each stage took: jobs, memory, CPU and GPU hours."""

from grvsnn.files import read_json
from grvsnn.jobs import run_job
from grvsnn.tables.resources import cost_frame, resources_table
from grvsnn.tables.write import write_table


def main(job) -> None:
    """Read the usage files and every fit's device, and write the table."""
    fits = [read_json(path) for path in job.input.fits]
    costs = cost_frame(job.params.labels, job.input.usage, fits)
    write_table(
        resources_table(costs),
        job.output,
        "What the run cost",
        "resources",
        job.input.facts,
    )


run_job(snakemake, main)
