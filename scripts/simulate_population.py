"""Simulate a population with known QTL into the dataset contract, truth beside it."""

from pathlib import Path

from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.files import write_parquet
from grvsnn.jobs import run_job
from grvsnn.qc.filters import filter_dataset
from grvsnn.seeds import derive_seed
from grvsnn.simulate import SimulatedPopulation, simulate_population


def main(job) -> None:
    """Simulate, write the dataset, then the truth that only scoring reads."""
    # datasets of one population differ in their variance shares only
    name = job.params.simulation.get("population") or job.wildcards.dataset
    seed = derive_seed(job.params.seed, "simulate", name)
    population = simulate_population(job.params.simulation, seed)
    data = as_dataset(population)
    filter_dataset(data, job.params.qc, {})
    source = {"simulation": job.params.simulation, "seed": seed}
    source["realised"] = population.heritability.to_dict("records")
    data.write(Path(job.output.provenance).parent, [source])
    write_parquet(population.true_values, job.output.true_values)
    write_parquet(population.qtl, job.output.true_qtl)
    write_parquet(population.epistasis, job.output.true_epistasis)


def as_dataset(population: SimulatedPopulation) -> PreparedDataset:
    """Keep what a breeder would have."""
    data = PreparedDataset(
        dosages=population.genotypes,
        marker_map=population.markers,
        phenotypes=population.phenotypes,
        covariates=population.covariates,
        pedigree=population.pedigree,
    )
    data.count("simulated")
    data.keep_phenotyped()
    data.check("simulate_population")
    return data


run_job(snakemake, main)
