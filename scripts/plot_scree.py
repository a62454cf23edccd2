"""Draw the sorted eigenvalues of every dataset's A and the chosen rank (Fig. 2)."""

from grvsnn.figures.scree import Spectrum, plot_scree
from grvsnn.files import read_json, read_parquet
from grvsnn.jobs import run_job


def main(job) -> None:
    """One panel a dataset."""
    spectra = {}
    for dataset, values, rank in zip(
        job.params.datasets, job.input.eigenvalues, job.input.ranks, strict=True
    ):
        chosen = read_json(rank)
        eigenvalues = read_parquet(values)["eigenvalue"].to_numpy()
        evidence = chosen["evidence"]
        spectra[dataset] = Spectrum(
            eigenvalues,
            chosen["rank"],
            chosen["rule"],
            evidence["share"],
            evidence.get("ties"),
        )
    plot_scree(spectra, job.output)


run_job(snakemake, main)
