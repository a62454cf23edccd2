"""Both guards against leakage hold for honest fits and catch leaky ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.files import read_json, write_parquet
from grvsnn.base.names import base_method
from grvsnn.genotypes.plink import write_genotypes
from grvsnn.protocol.fold_task import FoldFit
from grvsnn.protocol.folds import make_folds
from grvsnn.protocol.leakage import demand_no_test_animal
from grvsnn.protocol.targets import make_targets
from grvsnn.report.tables.audit import sentinel_table
from grvsnn.run import fit_job as fitting
from grvsnn.run.fit_job import JobKey, fit_and_write, load_tasks
from grvsnn.scoring.metrics import score_predictions
from grvsnn.scoring.null_band import null_frame, permute_training

from tests.shipped import load_method

N, P = 300, 60
IDS = np.array([f"a{i:03d}" for i in range(N)])
SEED = 3


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Files of a population whose trait is half genetic."""
    folder = tmp_path_factory.mktemp("stage")
    rng = np.random.default_rng(SEED)
    dosages = rng.binomial(2, 0.4, (N, P)).astype(np.int8)
    marker_map = pd.DataFrame(
        {
            "chromosome": "1",
            "snp": [f"s{i}" for i in range(P)],
            "cm": 0.0,
            "position": range(P),
            "a1": "A",
            "a2": "C",
        }
    )
    write_genotypes(dosages, IDS, marker_map, folder / "g.bed")
    genetic = dosages @ rng.normal(size=P)
    noise = rng.normal(size=N) * genetic.std()
    y = pd.DataFrame({"x": genetic + noise, "z": genetic - noise})
    y.loc[5:9, "x"] = np.nan
    phenotypes = y.assign(sample_id=IDS)
    folds = make_folds(phenotypes.set_index("sample_id"), "random", 1, 5, 3, SEED, "h")
    write_parquet(folds, folder / "folds.parquet")
    for protocol in ("nested", "published"):
        training, truth = make_targets(phenotypes, None, folds, protocol)
        write_parquet(training, folder / f"{protocol}.parquet")
        permuted = permute_training(training, folds, SEED, "h")
        write_parquet(permuted, folder / f"{protocol}-permuted.parquet")
        write_parquet(truth, folder / "truth.parquet")
    return folder


def fit(stage, training, method="gblup", protocol="nested"):
    """Fit as a job does; returns the scores and the facts."""
    tasks = load_tasks(
        JobKey("h", "markers", method, 1, SEED),
        stage / "g.bed",
        stage / f"{training}.parquet",
        stage / "folds.parquet",
        protocol=protocol,
    )
    names = ("predictions", "features", "fits")
    paths = {name: stage / f"{name}.out" for name in names}
    fit_and_write(base_method(method), tasks, {}, 1, **paths)
    predictions = pd.read_parquet(paths["predictions"])
    truth = pd.read_parquet(stage / "truth.parquet")
    return score_predictions(predictions, truth), read_json(paths["fits"])


def test_the_published_protocol_hands_over_every_test_animal(stage):
    names = [stage / name for name in ("g.bed", "published.parquet", "folds.parquet")]
    for task in load_tasks(
        JobKey("h", "markers", "mean", 1, SEED), *names, protocol="published"
    ):
        with pytest.raises(RuntimeError, match="phenotypes has 60 of 60"):
            demand_no_test_animal(task)


def test_published_phenotypes_are_refused_under_nested(stage):
    with pytest.raises(RuntimeError, match="h/markers/gblup/1/1/phenotypes has 60"):
        fit(stage, "published")


def leak_phenotype(task):
    Y = task.Y.copy()
    Y[task.test[0]] = 1.0
    return replace(task, Y=Y)


def leak_inner(task):
    first, *others = task.inner_splits
    leaky = (np.append(first[0], task.test[0]), first[1])
    return replace(task, inner_splits=(leaky, *others))


def leak_training(task):
    return replace(task, train=np.sort(np.append(task.train, task.test[0])))


@pytest.mark.parametrize(
    ("change", "stage_name"),
    [
        (leak_phenotype, "phenotypes"),
        (leak_inner, "tuning"),
        (leak_training, "training"),
    ],
)
def test_one_test_animal_in_any_stage_is_found(stage, change, stage_name):
    names = [stage / name for name in ("g.bed", "nested.parquet", "folds.parquet")]
    for task in load_tasks(JobKey("h", "markers", "mean", 1, SEED), *names):
        demand_no_test_animal(task)
        place = f"mean/1/{task.fold}/{stage_name} has 1 of 60"
        with pytest.raises(RuntimeError, match=place):
            demand_no_test_animal(change(task))


def test_permuting_keeps_test_rows_and_what_animals_have_together(stage):
    training = pd.read_parquet(stage / "published.parquet")
    permuted = pd.read_parquet(stage / "published-permuted.parquet")
    folds = pd.read_parquet(stage / "folds.parquet")
    role = training[["fold", "sample_id"]].merge(folds)["role"].to_numpy()
    test = role == "test"
    pd.testing.assert_frame_equal(permuted[test], training[test])
    for fold in range(1, 6):
        rows = ~test & (training["fold"] == fold).to_numpy()
        before = training.loc[rows, ["x", "z"]]
        after = permuted.loc[rows, ["x", "z"]]
        assert (before["z"].to_numpy() == after["z"].to_numpy()).mean() < 0.1
        order = [part.sort_values("z").to_numpy() for part in (before, after)]
        np.testing.assert_array_equal(*order)
    again = permute_training(training, folds, SEED, "h")
    pd.testing.assert_frame_equal(again, permuted)
    assert not permute_training(training, folds, SEED + 1, "h").equals(permuted)


def leaky(tasks, params, n_threads, truth=None):
    """GBLUP's predictions, moved a little to the truth, looked up by animal."""
    fits = load_method("gblup")(tasks, params, n_threads)
    out = []
    for task, honest in zip(tasks, fits, strict=True):
        mine = truth[truth["fold"] == task.fold].pivot_table(
            "observed", "sample_id", "trait", dropna=False
        )
        known = mine.reindex(task.sample_ids[task.test])[list(task.traits)].fillna(0)
        moved = honest.predicted + 0.3 * known.to_numpy()
        out.append(FoldFit(moved, honest.importance, honest.selected, {}))
    return out


def test_an_honest_method_stays_in_the_null_band(stage):
    own, _ = fit(stage, "nested")
    null, _ = fit(stage, "nested-permuted", method="gblup-permuted")
    frame = null_frame(null)
    assert frame["inside"].all()
    assert frame["n_observed"].tolist() == [N - 5, N]
    assert (frame["band"] >= 2.2 / np.sqrt(N)).all()
    table = sentinel_table(frame, own)
    assert table.note.startswith("Passed: all 2")
    # the control has teeth: the same method does predict what is not permuted
    assert (table.numbers["r_unpermuted"] > frame["band"]).all()


def test_a_method_that_reads_the_truth_leaves_the_null_band(stage, monkeypatch):
    truth = pd.read_parquet(stage / "truth.parquet")
    monkeypatch.setattr(
        fitting, "load_fit", lambda name: lambda *a: leaky(*a, truth=truth)
    )
    # it is handed no test animal, it helps itself
    null, _ = fit(stage, "nested-permuted", method="gblup-permuted")
    frame = null_frame(null)
    assert not frame["inside"].any()
    assert sentinel_table(frame, null).note.startswith("Not passed: 2 of 2")


def test_the_published_protocol_leaves_the_null_band_where_a_method_uses_it(stage):
    def nearest(tasks, params, n_threads):
        fits = load_method("mean")(tasks, params, n_threads)
        return [
            replace(fit, predicted=np.nan_to_num(task.Y[task.test]))
            for fit, task in zip(fits, tasks, strict=True)
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "load_fit", lambda name: nearest)
        name = "published-permuted"
        scores, _ = fit(stage, name, "mean-permuted", protocol="published")
    assert not null_frame(scores)["inside"].any()


def test_the_null_band_holds_its_level():
    """Of independent vectors all cells together leave the band in about 5 %."""
    rng = np.random.default_rng(0)
    keys = ["dataset", "setting", "method", "trait", "repeat", "fold"]
    place = [("h", s, "m", t, 1, f) for s in "ab" for t in "xy" for f in range(5)]
    base = pd.DataFrame(place, columns=keys)
    left = 0
    for _ in range(150):
        r = base.assign(metric="r", value=rng.normal(0, 0.1, len(base)))
        n = base.assign(metric="n_observed", value=100.0)
        left += not null_frame(pd.concat([r, n]))["inside"].all()
    assert left / 150 == pytest.approx(0.04, abs=0.04)


def test_kinship_widens_the_band_and_constant_predictions_count_as_nothing():
    keys = ["dataset", "setting", "method", "trait", "repeat", "fold"]
    base = pd.DataFrame([("h", "a", "m", "x", 1, f) for f in range(4)], columns=keys)
    n = base.assign(metric="n_observed", value=100.0)
    wide = base.assign(metric="r", value=[0.4, -0.2, 0.4, -0.2])
    frame = null_frame(pd.concat([wide, n]))
    sd = np.std([0.4, -0.2, 0.4, -0.2], ddof=1)
    assert frame["band"][0] == pytest.approx(1.95996 * sd / 2, rel=1e-4)
    constant = base.assign(metric="r", value=np.nan)
    frame = null_frame(pd.concat([constant, n]))
    assert frame[["r", "inside"]].iloc[0].tolist() == [0.0, True]
    assert frame["band"][0] == pytest.approx(1.95996 / 20, rel=1e-4)
