"""No method's predictions move when the test rows' phenotypes do."""

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.files import write_parquet
from grvsnn.base.registry import read_registry
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.pedigree.loadings import eigen_loadings
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.pedigree.relatives import relationships_among
from grvsnn.protocol.folds import make_folds
from grvsnn.protocol.targets import make_targets
from grvsnn.run.fit_job import JobKey, load_tasks
from grvsnn.simulation.population import simulate_population

from tests.shipped import load_method

FOLD = 2
METHODS = read_registry("methods")
FILES = {"environment": "environment.parquet", "relationship": "A.npy"}
PARAMS = {
    "brr": {"backend": "native", "n_iter": 60, "burn_in": 20},
    "blasso": {"backend": "native", "n_iter": 60, "burn_in": 20},
    "bayescpi": {"backend": "native", "n_iter": 60, "burn_in": 20},
    "lassonet": {"n_iters": [20, 5], "max_lambdas": 3},
    "lightgbm": {"n_trees": 20},
    "random_forest": {"n_trees": 10},
    "grvsnn": {"n_trials": 2, "max_epochs": 5},
    "grvsnn_plus": {"start_scales": [0.03], "dominance_scales": [0.01]},
}


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    """Stage files of a small population with covariates, gaps and loadings."""
    folder = tmp_path_factory.mktemp("population")
    settings = {
        "n_snps": 120,
        "n_chromosomes": 2,
        "n_sires": 3,
        "dams_per_sire": 3,
        "litter_size": 4,
        "n_generations": 3,
        "n_genotyped_generations": 2,
        "n_traits": 2,
        "n_qtl": 12,
        "n_large_qtl": 2,
    }
    simulated = simulate_population(settings, 5)
    data = PreparedDataset(
        simulated.genotypes,
        simulated.markers,
        simulated.phenotypes,
        simulated.covariates,
        pedigree=simulated.pedigree,
        environment=simulated.phenotypes[["sample_id"]].assign(
            pen=[f"pen {i % 7}" for i in range(len(simulated.sample_ids))]
        ),
    )
    data.write(folder, [])
    A = relationships_among(
        folder / "pedigree.parquet", simulated.sample_ids, both_sexes=False
    )
    np.save(folder / "A.npy", A)
    pedigree = Pedigree.from_frame(simulated.pedigree)
    rows = pedigree.rows_of(simulated.sample_ids)
    L = eigen_loadings(pedigree, rows, "fixed", rank=5).loadings
    table = pd.DataFrame(L, columns=[f"PL{i}" for i in range(1, 6)])
    table.insert(0, "sample_id", simulated.sample_ids)
    write_parquet(table, folder / "loadings.parquet")
    phenotypes = simulated.phenotypes.set_index("sample_id")
    folds = make_folds(phenotypes, "stratified", 1, 3, 2, 1, "poison")
    write_parquet(folds, folder / "folds.parquet")
    return folder


def predict(folder, method, phenotypes):
    """Predictions and their intervals of one outer fold, through the real stages."""
    folds = pd.read_parquet(folder / "folds.parquet")
    covariates = pd.read_parquet(folder / "covariates.parquet")
    training, _ = make_targets(phenotypes, covariates, folds)
    write_parquet(training, folder / "training.parquet")
    tasks = load_tasks(
        JobKey("poison", "markers_pedigree", method, 1, 1),
        folder / "genotypes.bed",
        folder / "training.parquet",
        folder / "folds.parquet",
        folder / "loadings.parquet",
        **{what: folder / FILES[what] for what in METHODS[method].get("reads", ())},
    )
    (task,) = (task for task in tasks if task.fold == FOLD)
    (fit,) = load_method(method)([task], PARAMS.get(method, {}), 1)
    if fit.intervals is None:
        return fit.predicted
    return np.concatenate([fit.predicted[..., None], fit.intervals], axis=-1)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_poisoned_test_phenotypes_leave_predictions_bit_identical(population, method):
    phenotypes = pd.read_parquet(population / "phenotypes.parquet")
    folds = pd.read_parquet(population / "folds.parquet")
    is_test = (folds["fold"] == FOLD) & (folds["role"] == "test")
    test = phenotypes["sample_id"].isin(folds.loc[is_test, "sample_id"]).to_numpy()
    traits = phenotypes.columns.drop("sample_id")
    clean = predict(population, method, phenotypes)
    noise = np.random.default_rng(0).normal(1e3, 1e3, size=(test.sum(), len(traits)))
    for poison in (noise, np.nan):
        poisoned = phenotypes.copy()
        poisoned.loc[test, traits] = poison
        np.testing.assert_array_equal(predict(population, method, poisoned), clean)
    # and the test has teeth: training phenotypes do matter
    moved = phenotypes.copy()
    rng = np.random.default_rng(1)
    moved.loc[~test, traits] = rng.normal(size=((~test).sum(), len(traits)))
    if method != "mean":
        assert not np.array_equal(predict(population, method, moved), clean)
