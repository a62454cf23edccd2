"""Simulate a population with known QTL into the dataset contract, truth beside it."""

from dataclasses import asdict
from pathlib import Path

from grvsnn.base.files import write_parquet
from grvsnn.base.seeds import derive_seed
from grvsnn.datasets.filters import filter_dataset
from grvsnn.datasets.like import read_relatives, shape_params
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.run.job import run_job
from grvsnn.simulation.population import SimulatedPopulation, simulate_population


def main(job) -> None:
    """Simulate, write the dataset, then the truth that only scoring reads."""
    simulation, liked = job.params.simulation, job.params.liked
    params = shape_params(simulation, liked)
    # datasets of one population differ in their variance shares only
    seed = derive_seed(
        job.params.seed, "simulate", params.population or job.wildcards.dataset
    )
    relatives, sources = {}, []
    if simulation.get("pedigree") == "real":
        pedigree, genotyped = read_relatives(liked, job.input)
        relatives = {"pedigree": pedigree, "genotyped": genotyped}
        sources = [
            source
            for role, source in liked["files"].items()
            if role in job.input.keys()
        ]
    population = simulate_population(params, seed, **relatives)
    data = as_dataset(population)
    filter_dataset(data, job.params.qc, {})
    source = {"simulation": asdict(params), "seed": seed}
    source["like"] = simulation.get("like")
    source["pedigree"] = "real" if relatives else "simulated"
    source["realised"] = population.heritability.to_dict("records")
    data.write(Path(job.output.provenance).parent, [source, *sources])
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
