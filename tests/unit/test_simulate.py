"""The simulated population: inheritance, recombination, variances, truth."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relationship import relationship_matrix
from grvsnn.simulation.gene_drop import (
    drop_genes,
    found_haplotypes,
    make_gametes,
    random_matings,
)
from grvsnn.simulation.genetic_values import recolouring
from grvsnn.simulation.parameters import SimulationParams
from grvsnn.simulation.population import simulate_population

SMALL = {"n_snps": 400, "n_chromosomes": 4, "n_qtl": 40, "historical_generations": 30}


@pytest.fixture(scope="module")
def population():
    return simulate_population({}, seed=11)


@pytest.fixture(scope="module")
def small():
    return simulate_population(SMALL, seed=3)


def dosage_of(population, snps):
    """Complete dosages are known to the simulator only; here missing calls are NaN."""
    column = population.markers.reset_index().set_index("snp")["index"]
    X = population.genotypes[:, column[snps]].astype(float)
    return np.where(X < 0, np.nan, X)


def genotyped_values(population):
    """True values of the animals with genotypes."""
    is_genotyped = population.true_values["id"].isin(population.sample_ids)
    return population.true_values[is_genotyped]


def test_recombination_follows_haldane():
    """Share of recombinants within 4 standard errors of (1 - exp(-2 d)) / 2."""
    cm = np.array([0.0, 1, 10, 50, 150])
    parent = np.zeros((1, 2, 5), dtype=np.uint8)
    parent[0, 1] = 1
    n = 40_000
    gametes = make_gametes(parent, np.zeros(n, int), cm, 150, np.random.default_rng(1))
    assert abs(gametes.mean() - 0.5) < 4 * 0.5 / np.sqrt(n)
    for left in range(5):
        for right in range(left + 1, 5):
            distance = (cm[right] - cm[left]) / 100
            expected = (1 - np.exp(-2 * distance)) / 2
            observed = np.mean(gametes[:, left] != gametes[:, right])
            error = np.sqrt(expected * (1 - expected) / n)
            assert abs(observed - expected) < 4 * error


def test_gametes_copy_their_own_parent():
    rng = np.random.default_rng(0)
    haplotypes = rng.integers(0, 2, (6, 2, 30)).astype(np.uint8)
    haplotypes[:, 1] = haplotypes[:, 0]
    parents = np.array([3, 0, 5, 3])
    gametes = make_gametes(haplotypes, parents, np.arange(30.0), 30, rng)
    np.testing.assert_array_equal(gametes, haplotypes[parents, 0])


def test_gene_drop_realises_the_pedigree_relationships():
    """With unlinked loci of known frequency, G estimates A (inbreeding included)."""
    records = [("c", "a", "b"), ("d", "a", "b"), ("e", "c", "d"), ("f", "e", "")]
    pedigree = Pedigree.from_frame(pd.DataFrame(records, columns=["id", "sire", "dam"]))
    rng = np.random.default_rng(4)
    # 300 cM between neighbours: recombination rate 0.499
    n_loci, n_pool = 6000, 400
    cm = 300.0 * np.arange(n_loci)
    strands = np.tile(np.arange(2 * n_pool) % 2, (n_loci, 1)).astype(np.uint8)
    pool = rng.permuted(strands, axis=1).T.reshape(n_pool, 2, n_loci)
    centred = drop_genes(pedigree, pool, cm, cm[-1], rng).sum(axis=1) - 1.0
    G = centred @ centred.T / (0.5 * n_loci)
    A = relationship_matrix(pedigree)
    assert np.abs(G - A).max() < 0.08


def test_historical_population_makes_linkage_disequilibrium():
    rng = np.random.default_rng(2)
    matings = random_matings(50, 60, rng)
    haplotypes, cm = found_haplotypes(150, 100.0, matings, 0.05, rng)
    strands = haplotypes.reshape(-1, 150)
    share = strands.mean(axis=0)
    assert ((share >= 0.05) & (share <= 0.95)).all() and (np.diff(cm) > 0).all()
    r2 = np.corrcoef(strands, rowvar=False) ** 2
    distance = np.abs(cm[:, None] - cm[None, :])
    near = r2[(distance > 0) & (distance < 1)].mean()
    far = r2[distance > 40].mean()
    # 1 / (1 + 4 N c) is 0.5 at 0.5 cM and 0.01 at 50 cM, and sampling adds 1 / 100
    assert 0.25 < near < 0.7 and far < 0.06


def test_progeny_never_contradict_their_parents():
    """No opposing homozygotes between a parent and its progeny, calls complete."""
    params = {**SMALL, "missing_genotypes": 0.0, "n_genotyped_generations": 5}
    population = simulate_population(params, seed=8)
    row = pd.Series(range(len(population.sample_ids)), index=population.sample_ids)
    both = population.pedigree[
        population.pedigree["id"].isin(row.index)
        & population.pedigree["sire"].isin(row.index)
        & population.pedigree["dam"].isin(row.index)
    ]
    X = population.genotypes
    progeny = X[row[both["id"]]]
    low, high = 0, 0
    for parent in ("sire", "dam"):
        dosage = X[row[both[parent]]]
        low, high = low + (dosage == 2), high + (dosage > 0)
    assert len(both) == 800
    assert (progeny >= low).all() and (progeny <= high).all()


def test_shape_of_the_default_population(population):
    assert population.genotypes.shape == (600, 2000)
    assert population.genotypes.dtype == np.int8
    assert len(population.pedigree) == 1060
    assert set(np.unique(population.genotypes)) == {-1, 0, 1, 2}
    missing = np.mean(population.genotypes == -1)
    assert 0.009 < missing < 0.011
    values = population.phenotypes.drop(columns="sample_id")
    assert 0.03 < values.isna().to_numpy().mean() < 0.07
    for table in (population.phenotypes, population.covariates):
        assert list(table["sample_id"]) == list(population.sample_ids)
    animals = population.animals.set_index("id")
    ancestors = animals[~animals["genotyped"]]
    assert set(ancestors["generation"]) == {0, 1, 2}


def test_few_sires_many_dams_and_full_sibs(population):
    animals = population.animals.set_index("id")
    born = population.pedigree[population.pedigree["sire"] != ""]
    generation = born["id"].map(animals["generation"])
    assert (born.groupby(generation)["sire"].nunique() == 10).all()
    assert (born.groupby(generation)["dam"].nunique() == 50).all()
    assert (born.groupby(["sire", "dam"]).size() == 4).all()
    assert (animals.loc[born["sire"], "sex"] == "M").all()
    assert (animals.loc[born["dam"], "sex"] == "F").all()
    older = born["sire"].map(animals["generation"])
    assert (older == generation - 1).all()


def test_map_ascends(population):
    markers = population.markers
    assert markers["snp"].is_unique and (markers["a1"] != markers["a2"]).all()
    for _, part in markers.groupby("chromosome"):
        assert (np.diff(part["position"]) > 0).all()
        assert (np.diff(part["cm"]) >= 0).all()
        assert part["cm"].between(0, 100).all()


@pytest.mark.parametrize("orthogonal", [False, True])
def test_values_follow_from_the_true_effects(orthogonal):
    """Genetic values are rebuilt from dosages, a, d and the pairs' effects."""
    params = {
        **SMALL,
        "orthogonal": orthogonal,
        "missing_genotypes": 0.0,
        "epistasis": 0.1,
        "n_epistatic_pairs": 15,
    }
    population = simulate_population(params, seed=5)
    values = population.true_values[
        population.true_values["id"].isin(population.sample_ids)
    ]
    for trait, qtl in population.qtl.groupby("trait"):
        X = dosage_of(population, qtl["snp"])
        alpha, p = qtl["average_effect"].to_numpy(), qtl["frequency"].to_numpy()
        np.testing.assert_allclose(p, X.mean(axis=0) / 2, atol=1e-12)
        expected = (X - 2 * p) @ alpha
        own = (
            values[values["trait"] == trait].set_index("id").loc[population.sample_ids]
        )
        np.testing.assert_allclose(own["breeding_value"], expected, atol=1e-9)
        a, d = qtl["additive"].to_numpy(), qtl["dominance"].to_numpy()
        if not orthogonal:
            np.testing.assert_allclose(alpha, a + d * (1 - 2 * p), atol=1e-12)
        total = (X - 1) @ a + (X == 1) @ d
        pairs = population.epistasis[population.epistasis["trait"] == trait]
        first, second = (dosage_of(population, pairs[f"snp_{k}"]) for k in (1, 2))
        product = (first - first.mean(axis=0)) * (second - second.mean(axis=0))
        total += product @ pairs["effect"].to_numpy()
        np.testing.assert_allclose(
            own["genetic_value"], total - total.mean(), atol=1e-9
        )


def test_variances_are_as_asked():
    """BV covariance exact; realised h2 within 0.08 for 600 animals and 3 seeds."""
    asked = [0.6, 0.3, 0.1]
    for seed in range(3):
        params = {**SMALL, "heritability": asked, "genetic_correlation": 0.5}
        population = simulate_population(params, seed)
        values = population.true_values[
            population.true_values["id"].isin(population.sample_ids)
        ]
        wide = values.pivot_table(index="id", columns="trait", values="breeding_value")
        np.testing.assert_allclose(wide.var(ddof=0), 100 * np.array(asked), rtol=1e-8)
        off_diagonal = wide.corr().to_numpy()[np.triu_indices(3, 1)]
        np.testing.assert_allclose(off_diagonal, 0.5, atol=1e-8)
        realised = population.heritability
        np.testing.assert_allclose(realised["narrow"], asked, atol=0.08)
        np.testing.assert_allclose(realised["broad"], np.add(asked, 0.1), atol=0.1)


NONADDITIVE = {
    **SMALL,
    "n_qtl": 30,
    "heritability": 0.25,
    "dominance": 0.15,
    "epistasis": 0.1,
    "n_epistatic_pairs": 8,
    "orthogonal": True,
    "population": "twins",
}


def test_orthogonal_shares_add_up_and_breeding_values_are_fishers():
    """Shares exact to 1e-8; BV = regression of the genetic value on gene contents."""
    population = simulate_population({**NONADDITIVE, "missing_genotypes": 0.0}, seed=5)
    for share, wanted in (
        ("narrow", 0.25),
        ("broad", 0.5),
        ("dominance", 0.15),
        ("epistasis", 0.1),
    ):
        np.testing.assert_allclose(population.heritability[share], wanted, atol=1e-8)
    values = genotyped_values(population)
    for trait, qtl in population.qtl.groupby("trait"):
        X = dosage_of(population, qtl["snp"])
        own = values[values["trait"] == trait]
        own = own.set_index("id").loc[population.sample_ids]
        Z = X - X.mean(axis=0)
        fitted = Z @ np.linalg.lstsq(Z, own["genetic_value"].to_numpy())[0]
        np.testing.assert_allclose(own["breeding_value"], fitted, atol=1e-7)


def test_twin_populations_differ_in_their_shares_only():
    twin = {**NONADDITIVE, "heritability": 0.5, "dominance": 0.0, "epistasis": 0.0}
    one, other = (simulate_population(p, seed=2) for p in (NONADDITIVE, twin))
    np.testing.assert_array_equal(one.genotypes, other.genotypes)
    assert list(one.qtl["snp"]) == list(other.qtl["snp"])
    ratio = other.qtl["average_effect"] / one.qtl["average_effect"]
    np.testing.assert_allclose(ratio, np.sqrt(2))
    values = genotyped_values(other)
    np.testing.assert_allclose(
        values["genetic_value"], values["breeding_value"], atol=1e-9
    )


def test_directional_dominance_raises_heterozygous_animals():
    """Degrees at 3 SD above 0: every d positive, and heterozygosity raises values."""
    params = {**SMALL, "dominance_direction": 3.0, "missing_genotypes": 0.0}
    population = simulate_population(params, seed=4)
    neutral = simulate_population({**SMALL, "missing_genotypes": 0.0}, seed=4)
    assert (population.qtl["dominance"] > 0).mean() > 0.95
    assert (neutral.qtl["dominance"] > 0).mean() < 0.65
    assert (population.heritability["mean_degree"] > 0.15).all()
    heterozygous = (dosage_of(population, population.qtl["snp"].unique()) == 1).mean(
        axis=1
    )
    values = genotyped_values(population)
    for _, own in values.groupby("trait"):
        own = own.set_index("id").loc[population.sample_ids]
        deviation = own["genetic_value"] - own["breeding_value"]
        assert np.corrcoef(deviation, heterozygous)[0, 1] > 0.4


def test_orthogonal_needs_more_animals_than_qtl():
    params = {**NONADDITIVE, "n_qtl": 300, "n_sires": 2, "dams_per_sire": 2}
    with pytest.raises(InputError, match="orthogonal needs more genotyped animals"):
        simulate_population(params, seed=1)


def test_no_dominance_no_epistasis_is_purely_additive():
    population = simulate_population({**SMALL, "dominance": 0.0}, seed=1)
    values = population.true_values[
        population.true_values["id"].isin(population.sample_ids)
    ]
    np.testing.assert_allclose(
        values["breeding_value"], values["genetic_value"], atol=1e-9
    )
    assert (population.qtl["dominance"] == 0).all()


def test_a_trait_without_heritability_has_no_breeding_values():
    params = {**SMALL, "heritability": [0.4, 0.0, 0.4], "dominance": 0.0}
    population = simulate_population(params, seed=1)
    second = population.true_values[population.true_values["trait"] == "trait_2"]
    assert np.abs(second["breeding_value"]).max() < 1e-9
    assert np.isfinite(population.qtl.select_dtypes("number")).all().all()


def test_large_qtl_hold_their_share():
    params = {**SMALL, "n_large_qtl": 3, "large_share": 0.6}
    qtl = simulate_population(params, seed=2).qtl
    assert (qtl.groupby("trait")["large"].sum() == 3).all()
    share = qtl[qtl["large"]].groupby("trait")["variance_share"].sum()
    assert share.between(0.4, 0.8).all()
    np.testing.assert_allclose(qtl.groupby("trait")["variance_share"].sum(), 1)


def test_fixed_effects_are_in_the_records():
    params = {**SMALL, "sex_effect": 1.5, "group_sd": 0.0, "missing_phenotypes": 0.0}
    population = simulate_population(params, seed=6)
    traits = population.phenotypes.drop(columns="sample_id")
    mean = traits.groupby((population.covariates["sex"] == "M").to_numpy()).mean()
    difference = mean.loc[True] - mean.loc[False]
    # 300 of each sex, phenotypic SD 10: standard error 0.82
    np.testing.assert_allclose(difference, 15.0, atol=4 * 0.82)


def test_hidden_qtl_are_not_among_the_markers():
    population = simulate_population({**SMALL, "qtl_on_markers": False}, seed=1)
    assert population.genotypes.shape[1] == len(population.markers) == 400
    assert not set(population.qtl["snp"]) & set(population.markers["snp"])
    assert not population.qtl["on_markers"].any()
    assert population.qtl["snp"].nunique() == 40


def test_qtl_on_markers_by_default(small):
    assert set(small.qtl["snp"]) <= set(small.markers["snp"])
    assert small.qtl["on_markers"].all()


def test_same_seed_same_population(small):
    again, other = (simulate_population(SMALL, seed) for seed in (3, 4))
    np.testing.assert_array_equal(small.genotypes, again.genotypes)
    pd.testing.assert_frame_equal(small.phenotypes, again.phenotypes)
    pd.testing.assert_frame_equal(small.qtl, again.qtl)
    assert not small.phenotypes.equals(other.phenotypes)


def test_real_pedigree_and_its_genotyped_animals(small):
    pedigree = Pedigree.from_frame(small.pedigree)
    chosen = [f"ind{number:04d}" for number in (900, 1001, 1060, 30, 7)] + list(
        small.sample_ids[:95]
    )
    population = simulate_population(SMALL, 1, pedigree=pedigree, genotyped=chosen)
    assert set(population.sample_ids) == set(chosen)
    pd.testing.assert_frame_equal(population.pedigree, small.pedigree)
    role = population.animals.set_index("id")["sex"]
    sires = small.pedigree.loc[small.pedigree["sire"] != "", "sire"]
    assert (role[sires] == "M").all()


def test_recolouring_gives_the_wanted_covariance():
    values = np.random.default_rng(0).normal(size=(50, 3))
    correlation = np.array([[1, 0.3, 0], [0.3, 1, -0.5], [0, -0.5, 1]])
    sd = np.array([2.0, 0.5, 1.0])
    new = values @ recolouring(values, sd, correlation)
    wanted = correlation * np.outer(sd, sd)
    np.testing.assert_allclose(np.cov(new, rowvar=False, bias=True), wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_snp": 10}, "unknown key 'n_snp'"),
        ({"n_snps": 2.5}, "n_snps must be a whole number"),
        ({"n_sires": "ten"}, "n_sires must be a number"),
        ({"litter_size": 1}, "litter_size must be >= 2"),
        ({"heritability": 1.2}, "heritability must be between 0 and 1"),
        ({"heritability": [0.2, 0.3]}, "heritability has 2 values for 3 traits"),
        ({"heritability": 0.95}, "heritability .* below 1"),
        ({"epistasis": 0.2}, "n_epistatic_pairs .* at least 1"),
        ({"n_genotyped_generations": 9}, r"n_genotyped_generations .* \(5\)"),
        ({"n_large_qtl": 100}, "n_large_qtl"),
        ({"genetic_correlation": -0.6}, "genetic_correlation must be above -0.5"),
        ({"effects": "cauchy"}, "effects must be normal or gamma"),
        ({"missing_genotypes": float("nan")}, "missing_genotypes must be a number"),
        ({"qtl_on_markers": "yes"}, "qtl_on_markers must be true or false"),
        ({"orthogonal": 1}, "orthogonal must be true or false"),
        ({"population": 3}, "population must be a name"),
    ],
)
def test_bad_settings_name_their_key(changes, message):
    with pytest.raises(InputError, match=message):
        SimulationParams.from_mapping(changes)


def test_too_much_drift_is_explained():
    params = {**SMALL, "historical_size": 3, "historical_generations": 100}
    with pytest.raises(InputError, match="raise historical_size"):
        simulate_population(params, seed=1)
