"""Write the tables and figures that workflow/results.yaml gives to one job."""

import logging

from grvsnn.base.labels import dataset_label
from grvsnn.report.given import Given, by_result, find_function
from grvsnn.report.tables.write import write_table
from grvsnn.run.job import run_job

logger = logging.getLogger("grvsnn")


def main(job) -> None:
    """Call each result's function with the job's inputs, and write what it returns."""
    dataset = job.wildcards.get("dataset", "")
    facts = job.input.get("facts", [])
    inputs = {name: value for name, value in job.input.items() if name != "facts"}
    given = Given(inputs, {**job.params.given, "dataset": dataset})
    for key, paths in by_result(job.output).items():
        result = job.params.results[key]
        made = given.call(find_function(result["by"]), result.get("with", {}), paths)
        if key.startswith("tables/"):
            of = f": {dataset_label(dataset)}" if dataset else ""
            label = key.partition("/")[2]
            write_table(made, paths, result["caption"] + of, label, facts)
        logger.info("%s", key)


run_job(snakemake, main)
