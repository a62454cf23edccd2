"""Populations in the shape of the paper's datasets, through their real pedigrees."""

import numpy as np
import pandas as pd
import pytest
import yaml
from grvsnn.base.errors import InputError
from grvsnn.datasets.like import read_relatives, shape_params
from grvsnn.pedigree.relationship import RelationshipOperator
from grvsnn.run.check_data import check_dataset
from grvsnn.run.config_check import PEDIGREE_ROLES, find_problems
from grvsnn.simulation.parameters import SimulationParams
from grvsnn.simulation.population import simulate_pedigree, simulate_population

from tests.shipped import METHODS, read_shipped_schemas

# enough loci for genome-wide means, at a fraction of the time
FEW = {"n_snps": 1800, "missing_genotypes": 0.0}


@pytest.fixture(scope="module")
def registry(root):
    text = (root / "config/datasets.yaml").read_text()
    return yaml.safe_load(text)["registry"]


@pytest.fixture(scope="module")
def real_pig(mirror, registry):
    """The pigs' pedigree and the animals with complete records."""
    return read_relatives(registry["pig"], raw_files("pig", mirror, registry))


@pytest.fixture(scope="module")
def whole_pig(real_pig, registry):
    """Genes of all 6,473 pigs, ancestors among them."""
    params = shape_params({"like": "pig", "pedigree": "real", **FEW}, registry["pig"])
    return simulate_population(params, 1, pedigree=real_pig[0])


def raw_files(name, mirror, registry):
    entry = registry[name]
    files = {
        role: mirror / name / entry["files"][role]["name"]
        for role in PEDIGREE_ROLES[entry["format"]]
    }
    for path in files.values():
        if not path.exists():
            pytest.skip(f"the mirror has no {path.name}")
    return files


@pytest.mark.parametrize("name", ["mouse", "pine", "pig"])
def test_shipped_entries_have_the_sizes_of_what_they_are_like(registry, name):
    entry, liked = registry[f"{name}_like"], registry[name]
    assert entry["samples"] == liked["samples"]
    assert entry["markers"] == liked["markers"]
    assert entry["loadings"].get("both_sexes") == liked["loadings"].get("both_sexes")
    params = shape_params({"like": name}, liked)
    assert params.n_snps == liked["markers"]
    assert params.n_traits == len(liked["traits"])


@pytest.mark.parametrize(
    ("name", "n_animals", "family_size"),
    [("mouse", None, (10, 11)), ("pine", 2034, (13, 14)), ("pig", 6473, (1, 2))],
)
def test_simulated_pedigrees_have_the_real_ones_sizes(
    registry, name, n_animals, family_size
):
    params = shape_params({"like": name}, registry[name])
    pedigree, animals = simulate_pedigree(params, 3)
    genotyped = animals["genotyped"].to_numpy()
    assert genotyped.sum() == registry[name]["samples"]
    assert n_animals is None or len(pedigree) == n_animals
    families = pedigree.full_sib_families()[genotyped]
    low, high = family_size
    assert low <= pd.Series(families).value_counts().mean() <= high


def test_own_settings_come_before_the_shape():
    liked = {"format": "vcf", "samples": 60, "markers": 300, "traits": {"milk": "m"}}
    params = shape_params({"like": "herd", "n_snps": 200, "n_sires": 5}, liked)
    assert (params.n_genotyped, params.n_snps, params.n_traits) == (60, 200, 1)
    assert params.n_sires == 5
    assert shape_params({}, None) == SimulationParams()


def test_the_last_generation_may_be_born_in_part():
    params = SimulationParams(n_animals=900)
    assert params.generation_sizes == (60, 200, 200, 200, 200, 40)
    with pytest.raises(InputError, match="n_genotyped must be at most 40"):
        SimulationParams(n_animals=900, n_genotyped=50, n_genotyped_generations=1)
    with pytest.raises(InputError, match="n_animals must be between 861 and 1060"):
        SimulationParams(n_animals=500)


@pytest.mark.parametrize(
    ("name", "n_animals", "n_genotyped"), [("pine", 2034, 926), ("pig", 6473, 2314)]
)
@pytest.mark.mirror
def test_real_pedigrees_are_read(mirror, registry, name, n_animals, n_genotyped):
    pedigree, genotyped = read_relatives(
        registry[name], raw_files(name, mirror, registry)
    )
    assert len(pedigree) == n_animals
    assert len(genotyped) == len(set(pedigree.rows_of(genotyped))) == n_genotyped


@pytest.mark.mirror
def test_the_pigs_shape_is_kept(real_pig, registry):
    pedigree, genotyped = real_pig
    few = {"like": "pig", "pedigree": "real", "n_snps": 300, "n_chromosomes": 3}
    params = shape_params(few, registry["pig"])
    one, two = (
        simulate_population(params, 1, pedigree=pedigree, genotyped=genotyped)
        for _ in range(2)
    )
    assert one.genotypes.shape == (2314, 300)
    assert one.phenotypes.shape == (2314, 6)
    assert one.phenotypes.notna().all().all()
    assert set(one.sample_ids) == set(genotyped)
    pd.testing.assert_frame_equal(one.pedigree, pedigree.to_frame())
    np.testing.assert_array_equal(one.genotypes, two.genotypes)
    pd.testing.assert_frame_equal(one.phenotypes, two.phenotypes)


@pytest.mark.mirror
def test_no_pig_contradicts_its_parents(whole_pig, real_pig):
    """Each progeny has one allele of its sire and one of its dam, at every locus."""
    pedigree, X = real_pig[0], whole_pig.genotypes
    born = np.flatnonzero((pedigree.sire >= 0) & (pedigree.dam >= 0))
    sire, dam = X[pedigree.sire[born]], X[pedigree.dam[born]]
    low = (sire == 2).astype(np.int8) + (dam == 2)
    high = (sire > 0).astype(np.int8) + (dam > 0)
    assert len(born) == 5226
    assert (X[born] >= low).all() and (X[born] <= high).all()


@pytest.mark.mirror
def test_inbred_pigs_are_homozygous(whole_pig, real_pig):
    """Realised on pedigree inbreeding: slope 1 (SE 0.05 and, of G, 0.06), start 0."""
    pedigree = real_pig[0]
    inbreeding = RelationshipOperator(pedigree).inbreeding
    founders = (pedigree.sire < 0) & (pedigree.dam < 0)
    p = whole_pig.genotypes[founders].mean(axis=0) / 2
    expected = (2 * p * (1 - p)).sum()
    homozygosity = 1 - (whole_pig.genotypes == 1).sum(axis=1) / expected
    slope, start = np.polyfit(inbreeding, homozygosity, 1)
    assert slope == pytest.approx(1, abs=0.15) and abs(start) < 0.01
    diagonal = ((whole_pig.genotypes - 2 * p) ** 2).sum(axis=1) / expected
    slope, start = np.polyfit(1 + inbreeding, diagonal, 1)
    assert slope == pytest.approx(1, abs=0.2)


@pytest.mark.mirror
def test_allele_frequencies_drift_as_the_pedigree_says(whole_pig, real_pig):
    """Mean of (p - p0)^2 / p0 q0 over loci is w'Aw / 2, w the contrast of means."""
    pedigree, genotyped = real_pig
    rows = pedigree.rows_of(genotyped)
    founders = np.flatnonzero((pedigree.sire < 0) & (pedigree.dam < 0))
    X, contrast = whole_pig.genotypes, np.zeros(len(pedigree))
    contrast[rows] += 1 / len(rows)
    contrast[founders] -= 1 / len(founders)
    start = X[founders].mean(axis=0) / 2
    change = X[rows].mean(axis=0) / 2 - start
    expected = contrast @ (RelationshipOperator(pedigree) @ contrast) / 2
    drift = (change**2 / (start * (1 - start))).mean()
    assert drift == pytest.approx(expected, rel=0.15)
    # no allele is favoured
    assert abs(change.mean()) < 4 * change.std() / np.sqrt(len(change))


@pytest.fixture
def config(registry):
    return {
        "datasets": ["toy"],
        "settings": ["markers"],
        "methods": ["gblup", "grvsnn"],
        "registry": registry
        | {
            "toy": {
                "format": "simulated",
                "samples": 9,
                "markers": 9,
                "loadings": {"rule": "knee"},
            }
        },
    }


@pytest.fixture
def schemas(root):
    return read_shipped_schemas(root)


@pytest.mark.parametrize(
    ("simulation", "message"),
    [
        ({"like": "pg"}, "has no dataset 'pg'; did you mean 'pig'?"),
        ({"like": "embedded"}, "'embedded' is simulated itself"),
        ({"like": "mouse", "pedigree": "real"}, "and 'mouse' is mouse; set it to"),
        ({"pedigree": "real"}, "'real' needs 'like'"),
        ({"like": "pig", "pedigree": "true"}, "'true' is not one of"),
    ],
)
def test_mistakes_in_likeness_are_named(config, schemas, simulation, message):
    config["registry"]["toy"]["simulation"] = simulation
    (problem,) = find_problems(config, schemas, METHODS)
    assert "Config, toy" in problem and message in problem


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ({"grvsnn-soft": {"gat": "sigmoid"}}, "Did you mean 'gate'?"),
        ({"grvsnn-permuted": {"gate": "sigmoid"}}, "names that end in -permuted"),
        ({"grvsnn_plus-soft": {"gate": "sigmoid"}}, "ablations, grvsnn_plus-soft"),
    ],
)
def test_check_reads_variants_too(config, schemas, variants, message):
    (problem,) = find_problems({**config, "ablations": variants}, schemas, METHODS)
    assert message in problem


def test_check_says_what_a_real_pedigree_needs(config, tmp_path):
    config["registry"]["toy"]["simulation"] = {"like": "pig", "pedigree": "real"}
    _, (problem,) = check_dataset("toy", config, [tmp_path])
    assert problem.startswith("pig/pedigree.txt must be supplied by you.")
    assert problem.endswith("Or set simulation/pedigree to simulated.")


@pytest.mark.mirror
def test_check_surveys_the_real_pedigree(config, mirror, registry):
    raw_files("pig", mirror, registry)
    config["registry"]["toy"]["simulation"] = {"like": "pig", "pedigree": "real"}
    findings, problems = check_dataset("toy", config, [mirror])
    assert problems == []
    assert "genotypes of 2314 animals simulated by the run" in findings
    assert "pedigree: 6473 animals, 17 generations, 1247 founders" in findings[1]
