"""A simulated livestock population with known QTL and breeding values.

The order of events: a small historical population mates at random until its haplotypes
carry linkage disequilibrium; its gametes found a pedigree of few sires and many dams;
genes drop through that pedigree with recombination, one chromosome at a time (which
bounds memory); QTL, effects, environment and records follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from grvsnn.base.seeds import derive_rng
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.simulation.gene_drop import drop_genes, found_haplotypes, random_matings
from grvsnn.simulation.genetic_values import (
    Genetics,
    recolouring,
    simulate_genetics,
    uniform_correlation,
)
from grvsnn.simulation.parameters import SimulationParams

MISSING_CALL = -1
BASES = np.array([("A", "G"), ("C", "T"), ("A", "C"), ("G", "T")])


@dataclass(frozen=True, eq=False)
class SimulatedPopulation:
    """What `simulate_population` returns.

    Parameters
    ----------
    sample_ids : ndarray of str, shape (n_genotyped,)
        Genotyped animals, the rows of `genotypes`, `phenotypes` and `covariates`.
    genotypes : ndarray of int8, shape (n_genotyped, n_snps)
        Dosage of allele ``a1``; -1 where the call is missing.
    markers : DataFrame
        chromosome, snp, cm, position (bp), a1, a2; one row per column of `genotypes`.
    pedigree : DataFrame
        id, sire, dam of ALL animals; an unknown parent is an empty string.
    animals : DataFrame
        id, generation (0 = founders), sex (M or F), group, genotyped; ALL animals.
    phenotypes : DataFrame
        sample_id and one column per trait, NaN where missing.
    covariates : DataFrame
        sample_id, sex, group (contemporary group) and generation; sex and group have
        real effects on every trait.
    qtl : DataFrame
        Truth, one row per QTL and trait: snp, trait, chromosome, cm, position,
        additive (a), dominance (d), average_effect (alpha = a + d (q - p)), frequency
        (of a1 among the genotyped), large, on_markers, variance_share (2 p q alpha^2
        over its sum); genotypes with 0, 1, 2 copies of a1 have the values -a, d, a.
    epistasis : DataFrame
        Truth, one row per pair and trait: snp_1, snp_2, trait, effect (of the product
        of the centred dosages).
    true_values : DataFrame
        Truth, one row per animal (ALL) and trait: id, trait, breeding_value and
        genetic_value (with dominance and epistasis), both centred on the genotyped.
    heritability : DataFrame
        Realised among the genotyped: trait, narrow, broad, dominance and epistasis
        (shares of the variance around the fixed effects), mean_degree (of dominance).
    """

    sample_ids: np.ndarray
    genotypes: np.ndarray
    markers: pd.DataFrame
    pedigree: pd.DataFrame
    animals: pd.DataFrame
    phenotypes: pd.DataFrame
    covariates: pd.DataFrame
    qtl: pd.DataFrame
    epistasis: pd.DataFrame
    true_values: pd.DataFrame
    heritability: pd.DataFrame


def simulate_population(
    params: Mapping | SimulationParams,
    seed: int,
    *,
    pedigree: Pedigree | None = None,
    genotyped: Sequence[str] | None = None,
) -> SimulatedPopulation:
    """Simulate genotypes, phenotypes and their truth.

    Parameters
    ----------
    params : mapping or SimulationParams
        Keys are the fields of `SimulationParams`.
    seed : int
        Everything is a function of it and of `params`.
    pedigree : Pedigree, optional
        Drop genes through this real pedigree instead of a simulated one; the settings
        of generations, sires, dams and litters are then not used.
    genotyped : sequence of str, optional
        Genotyped animals of `pedigree`; all of them if left out.
    """
    if not isinstance(params, SimulationParams):
        params = SimulationParams.from_mapping(params)
    if pedigree is None:
        pedigree, animals = simulate_pedigree(params, seed)
    else:
        animals = _describe_pedigree(pedigree, genotyped, seed)
    animals["group"] = _contemporary_groups(animals, params.n_groups, seed)
    rows = np.flatnonzero(animals["genotyped"])
    genome = _simulate_genome(params, pedigree, rows, seed)
    genetics = simulate_genetics(
        genome.qtl_dosages, rows, params, derive_rng(seed, "simulate", "effects")
    )
    phenotypes, heritability = _record(params, animals, genetics, rows, seed)
    sample_ids = animals["id"].to_numpy()[rows]
    covariates = animals.loc[rows, ["id", "sex", "group", "generation"]]
    return SimulatedPopulation(
        sample_ids=sample_ids,
        genotypes=_lose_calls(genome.dosages, params.missing_genotypes, seed),
        markers=genome.loci[genome.loci["is_marker"]]
        .drop(columns=["is_marker", "is_qtl"])
        .reset_index(drop=True),
        pedigree=pedigree.to_frame(),
        animals=animals,
        phenotypes=phenotypes,
        covariates=covariates.rename(columns={"id": "sample_id"}).reset_index(
            drop=True
        ),
        qtl=_qtl_table(params, genome.loci, genetics),
        epistasis=_epistasis_table(params, genome.loci, genetics),
        true_values=_value_table(params, animals, genetics),
        heritability=heritability,
    )


def simulate_pedigree(
    params: SimulationParams, seed: int
) -> tuple[Pedigree, pd.DataFrame]:
    """Discrete generations of few sires, each mated to its own dams at random.

    Returns
    -------
    pedigree : Pedigree
    animals : DataFrame
        id, generation, sex and genotyped, in the order of the pedigree.
    """
    rng = derive_rng(seed, "simulate", "pedigree")
    n_dams = params.n_sires * params.dams_per_sire
    sizes = params.generation_sizes
    generation = np.repeat(np.arange(len(sizes)), sizes)
    is_male = np.zeros(len(generation), dtype=bool)
    is_male[: params.n_sires] = True
    sire = np.full(len(generation), -1)
    dam = np.full(len(generation), -1)
    for number, size in enumerate(sizes[1:], start=1):
        here = generation == number
        older = np.flatnonzero(generation == number - 1)
        sires = rng.choice(older[is_male[older]], params.n_sires, replace=False)
        dams = rng.choice(older[~is_male[older]], n_dams, replace=False)
        # the last generation may be born in part only
        sire[here] = np.repeat(sires, params.dams_per_sire * params.litter_size)[:size]
        dam[here] = np.repeat(dams, params.litter_size)[:size]
        is_male[here] = (rng.permutation(n_dams * params.litter_size) % 2 == 0)[:size]
    width = len(str(len(generation)))
    ids = np.array([f"ind{number:0{width}d}" for number in range(1, len(sire) + 1)])
    names = np.append(ids.astype(object), "")
    frame = pd.DataFrame({"id": ids, "sire": names[sire], "dam": names[dam]})
    animals = pd.DataFrame(
        {
            "id": ids,
            "generation": generation,
            "sex": np.where(is_male, "M", "F"),
            "genotyped": _draw_genotyped(generation, params, seed),
        }
    )
    return Pedigree.from_frame(frame, source="simulated pedigree"), animals


def _draw_genotyped(
    generation: np.ndarray, params: SimulationParams, seed: int
) -> np.ndarray:
    """Mark the youngest generations' animals, or `n_genotyped` of them."""
    candidates = np.flatnonzero(
        generation > params.n_generations - params.n_genotyped_generations
    )
    if params.n_genotyped:
        rng = derive_rng(seed, "simulate", "genotyped")
        candidates = rng.choice(candidates, params.n_genotyped, replace=False)
    return np.isin(np.arange(len(generation)), candidates)


def _describe_pedigree(
    pedigree: Pedigree, genotyped: Sequence[str] | None, seed: int
) -> pd.DataFrame:
    """Animals of a given pedigree; sex from the parents' role, else at random."""
    rng = derive_rng(seed, "simulate", "sex")
    sex = np.where(rng.integers(0, 2, len(pedigree)) == 0, "M", "F")
    sex[pedigree.dam[pedigree.dam >= 0]] = "F"
    sex[pedigree.sire[pedigree.sire >= 0]] = "M"
    chosen = np.ones(len(pedigree), dtype=bool)
    if genotyped is not None:
        chosen[:] = False
        chosen[pedigree.rows_of(genotyped)] = True
    return pd.DataFrame(
        {
            "id": pedigree.ids,
            "generation": pedigree.generation,
            "sex": sex,
            "genotyped": chosen,
        }
    )


def _contemporary_groups(animals: pd.DataFrame, n_groups: int, seed: int) -> np.ndarray:
    rng = derive_rng(seed, "simulate", "groups")
    number = rng.integers(1, n_groups + 1, len(animals))
    return (
        "g" + animals["generation"].astype(str) + "_" + pd.Series(number).astype(str)
    ).to_numpy()


@dataclass(frozen=True, eq=False)
class _Genome:
    """Loci in map order, marker dosages of the genotyped, QTL dosages of all."""

    loci: pd.DataFrame
    dosages: np.ndarray
    qtl_dosages: np.ndarray


def _simulate_genome(
    params: SimulationParams, pedigree: Pedigree, rows: np.ndarray, seed: int
) -> _Genome:
    """Drop all chromosomes, one after the other."""
    rng = derive_rng(seed, "simulate", "history")
    matings = random_matings(params.historical_size, params.historical_generations, rng)
    n_markers = _share_out(params.n_snps, params.n_chromosomes)
    n_qtl = _count_qtl(params, n_markers, derive_rng(seed, "simulate", "qtl"))
    dosages = np.empty((len(rows), params.n_snps), dtype=np.int8)
    tables, qtl_dosages = [], []
    bounds = np.concatenate([[0], np.cumsum(n_markers)])
    for number in range(params.n_chromosomes):
        rng = derive_rng(seed, "simulate", "chromosome", number + 1)
        n_hidden = 0 if params.qtl_on_markers else n_qtl[number]
        pool, cm = found_haplotypes(
            n_markers[number] + n_hidden,
            params.chromosome_cm,
            matings,
            params.min_maf,
            rng,
        )
        haplotypes = drop_genes(pedigree, pool, cm, params.chromosome_cm, rng)
        calls = haplotypes.sum(axis=1, dtype=np.int8)
        is_qtl = _place_qtl(calls[rows], n_qtl[number], params.min_maf, rng)
        is_marker = ~is_qtl if n_hidden else np.ones(len(cm), dtype=bool)
        dosages[:, bounds[number] : bounds[number + 1]] = calls[rows][:, is_marker]
        qtl_dosages.append(calls[:, is_qtl])
        tables.append(_describe_loci(number + 1, cm, is_marker, is_qtl, rng))
    loci = pd.concat(tables, ignore_index=True)
    loci.insert(1, "snp", _name_loci(loci["is_marker"].to_numpy()))
    return _Genome(loci, dosages, np.hstack(qtl_dosages))


def _share_out(total: int, parts: int) -> np.ndarray:
    """Split a number into near-equal whole parts."""
    return np.diff(np.arange(parts + 1) * total // parts)


def _count_qtl(
    params: SimulationParams, n_markers: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """QTL per chromosome: random over the genome."""
    if params.qtl_on_markers:
        return rng.multivariate_hypergeometric(n_markers, params.n_qtl)
    return rng.multinomial(params.n_qtl, n_markers / n_markers.sum())


def _place_qtl(
    calls: np.ndarray, n_qtl: int, min_maf: float, rng: np.random.Generator
) -> np.ndarray:
    """Random loci, those still common among the genotyped first."""
    p = calls.mean(axis=0) / 2
    is_rare = np.minimum(p, 1 - p) < min_maf
    order = np.lexsort((rng.random(len(p)), is_rare))
    is_qtl = np.zeros(len(p), dtype=bool)
    is_qtl[order[:n_qtl]] = True
    return is_qtl


def _describe_loci(
    chromosome: int,
    cm: np.ndarray,
    is_marker: np.ndarray,
    is_qtl: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Map of one chromosome; positions in bp ascend strictly."""
    steps = np.arange(len(cm))
    position = np.maximum.accumulate((cm * 1e6).astype(np.int64) - steps) + steps + 1
    alleles = rng.permuted(BASES[rng.integers(0, len(BASES), len(cm))], axis=1)
    return pd.DataFrame(
        {
            "chromosome": str(chromosome),
            "cm": cm,
            "position": position,
            "a1": alleles[:, 0],
            "a2": alleles[:, 1],
            "is_marker": is_marker,
            "is_qtl": is_qtl,
        }
    )


def _name_loci(is_marker: np.ndarray) -> np.ndarray:
    """Names snp00001, ... for markers and hidden00001, ... for QTL between them."""
    number = np.where(is_marker, np.cumsum(is_marker), np.cumsum(~is_marker))
    stem = np.where(is_marker, "snp", "hidden")
    return np.array(
        [f"{name}{count:05d}" for name, count in zip(stem, number, strict=True)]
    )


def _record(
    params: SimulationParams,
    animals: pd.DataFrame,
    genetics: Genetics,
    rows: np.ndarray,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Phenotypes of the genotyped animals, and their realised heritabilities."""
    rng = derive_rng(seed, "simulate", "records")
    shape = (len(rows), params.n_traits)
    noise = rng.standard_normal(shape)
    noise -= noise.mean(axis=0)
    if params.orthogonal:
        noise -= _fitted(noise, genetics.parts(rows))
    sd = np.sqrt(1 - params.variance_shares().sum(axis=0))
    noise @= recolouring(
        noise, sd, uniform_correlation(params.n_traits, params.residual_correlation)
    )
    own = genetics.genetic_value[rows] + noise
    group, labels = pd.factorize(animals.loc[rows, "group"], sort=True)
    effect = params.group_sd * rng.standard_normal((len(labels), params.n_traits))
    is_male = (animals.loc[rows, "sex"] == "M").to_numpy()
    fixed = effect[group] + params.sex_effect * (is_male - 0.5)[:, None]
    values = params.trait_mean + params.trait_sd * (own + fixed)
    values[rng.random(shape) < params.missing_phenotypes] = np.nan
    phenotypes = pd.DataFrame(values, columns=list(params.traits))
    phenotypes.insert(0, "sample_id", animals["id"].to_numpy()[rows])
    variance = own.var(axis=0)
    heritability = pd.DataFrame(
        {
            "trait": params.traits,
            "narrow": genetics.breeding_value[rows].var(axis=0) / variance,
            "broad": genetics.genetic_value[rows].var(axis=0) / variance,
            "dominance": genetics.dominance_deviation[rows].var(axis=0) / variance,
            "epistasis": genetics.epistatic_deviation[rows].var(axis=0) / variance,
            "mean_degree": genetics.mean_degree,
        }
    )
    return phenotypes, heritability


def _fitted(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Least-squares fit of centred values to centred columns of any rank."""
    return columns @ np.linalg.lstsq(columns, values, rcond=None)[0]


def _lose_calls(dosages: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Set a share of the calls to missing, in blocks of rows to bound memory."""
    rng = derive_rng(seed, "simulate", "missing calls")
    for start in range(0, len(dosages), 256):
        block = dosages[start : start + 256]
        block[rng.random(block.shape, dtype=np.float32) < share] = MISSING_CALL
    return dosages


def _qtl_table(
    params: SimulationParams, loci: pd.DataFrame, genetics: Genetics
) -> pd.DataFrame:
    """Truth about the QTL, in the units of the traits."""
    qtl = loci.loc[loci["is_qtl"], ["snp", "chromosome", "cm", "position"]]
    qtl["frequency"] = genetics.frequency
    qtl["large"] = genetics.large
    qtl["on_markers"] = loci.loc[loci["is_qtl"], "is_marker"]
    columns = ("additive", "dominance", "average_effect")
    tables = []
    for t, trait in enumerate(params.traits):
        effects = {
            name: params.trait_sd * getattr(genetics, name)[:, t] for name in columns
        }
        variance = genetics.additive_variance[:, t]
        share = variance / max(variance.sum(), 1e-300)
        tables.append(qtl.assign(trait=trait, **effects, variance_share=share))
    return pd.concat(tables, ignore_index=True)


def _epistasis_table(
    params: SimulationParams, loci: pd.DataFrame, genetics: Genetics
) -> pd.DataFrame:
    names = loci.loc[loci["is_qtl"], "snp"].to_numpy()
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "snp_1": names[genetics.pairs[:, 0]],
                    "snp_2": names[genetics.pairs[:, 1]],
                    "trait": trait,
                    "effect": params.trait_sd * genetics.pair_effects[:, t],
                }
            )
            for t, trait in enumerate(params.traits)
        ],
        ignore_index=True,
    )


def _value_table(
    params: SimulationParams, animals: pd.DataFrame, genetics: Genetics
) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "id": animals["id"],
                    "trait": trait,
                    "breeding_value": params.trait_sd * genetics.breeding_value[:, t],
                    "genetic_value": params.trait_sd * genetics.genetic_value[:, t],
                }
            )
            for t, trait in enumerate(params.traits)
        ],
        ignore_index=True,
    )
