import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grvsnn.base.errors import InputError
from grvsnn.base.files import write_parquet
from grvsnn.genotypes.plink import read_genotypes, write_genotypes
from grvsnn.protocol.fold_task import FoldFit
from grvsnn.protocol.folds import make_folds
from grvsnn.protocol.targets import make_targets
from grvsnn.run import fit_job as fitting
from grvsnn.run.fit_job import JobKey, checkpoint_folder, fit_and_write, load_tasks

N, P, M = 30, 8, 3
IDS = np.array([f"a{i:02d}" for i in range(N)])


@pytest.fixture
def stage(tmp_path):
    """Files of a dataset whose phenotypes are stored in another order."""
    rng = np.random.default_rng(0)
    dosages = rng.integers(-1, 3, (N, P)).astype(np.int8)
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
    write_genotypes(dosages, IDS, marker_map, tmp_path / "g.bed")
    phenotypes = pd.DataFrame(
        {"sample_id": IDS, "x": rng.normal(size=N), "y": rng.normal(size=N)}
    ).sample(frac=1, random_state=1)
    folds = make_folds(
        phenotypes.set_index("sample_id"), "stratified", 2, 3, 2, 1, "herd"
    )
    write_parquet(folds, tmp_path / "folds.parquet")
    for protocol in ("nested", "published"):
        training, _ = make_targets(
            phenotypes, None, folds[folds["repeat"] == 2], protocol
        )
        write_parquet(training, tmp_path / f"{protocol}.parquet")
    loadings = pd.DataFrame(rng.normal(size=(N, M)), columns=["PL1", "PL2", "PL3"])
    loadings.insert(0, "sample_id", IDS[::-1])
    write_parquet(loadings, tmp_path / "loadings.parquet")
    return tmp_path


def load(
    stage,
    setting="markers_pedigree",
    protocol="nested",
    loadings=True,
    training=None,
):
    return load_tasks(
        JobKey("herd", setting, "probe", 2, 1),
        stage / "g.bed",
        stage / f"{training or protocol}.parquet",
        stage / "folds.parquet",
        stage / "loadings.parquet" if loadings else None,
        protocol,
    )


def test_rows_roles_and_splits_fit_together(stage):
    tasks = load(stage)
    assert [task.fold for task in tasks] == [1, 2, 3]
    tested = np.concatenate([task.test for task in tasks])
    np.testing.assert_array_equal(np.sort(tested), np.arange(N))
    for task in tasks:
        assert not set(task.train) & set(task.test)
        assert np.isnan(task.Y[task.test]).all()
        assert np.isfinite(task.Y[task.train]).all()
        assert len(task.inner_splits) == 2
        for rows, validation in task.inner_splits:
            assert set(rows) | set(validation) == set(task.train)
            assert not set(rows) & set(validation)
        assert task.genotypes.min() == 0
        assert list(task.feature_names[-M:]) == ["PL1", "PL2", "PL3"]


def test_animals_that_every_split_fits_on_validate_none(stage):
    """Scheme ``forward`` leaves older training animals in inner fold 0."""
    folds = pd.read_parquet(stage / "folds.parquet")
    folds.loc[folds["inner_fold"] == 2, "inner_fold"] = 0
    write_parquet(folds, stage / "folds.parquet")
    for task in load(stage):
        ((rows, validation),) = task.inner_splits
        assert set(rows) | set(validation) == set(task.train)
        assert 0 < len(validation) < len(task.train)


def test_phenotypes_and_loadings_are_matched_by_id_not_by_row(stage):
    task = load(stage)[0]
    training = pd.read_parquet(stage / "nested.parquet")
    part = training[training["fold"] == 1].set_index("sample_id")
    loadings = pd.read_parquet(stage / "loadings.parquet").set_index("sample_id")
    for row in task.train[:5]:
        animal = task.sample_ids[row]
        np.testing.assert_array_equal(task.Y[row], part.loc[animal, ["x", "y"]])
        np.testing.assert_array_equal(task.loadings[row], loadings.loc[animal])


def test_settings_choose_the_features(stage):
    assert load(stage, "markers", loadings=False)[0].n_features == P
    assert load(stage)[0].n_features == P + M
    assert load(stage, "pedigree")[0].n_features == M


def test_published_protocol_validates_on_the_test_rows(stage):
    for task in load(stage, protocol="published"):
        ((rows, validation),) = task.inner_splits
        np.testing.assert_array_equal(rows, task.train)
        np.testing.assert_array_equal(validation, task.test)
        assert np.isfinite(task.Y[task.test]).all()


@pytest.mark.parametrize("protocol", ["published", "peeking"])
def test_optimistic_protocols_impute_and_standardise_by_all_animals(stage, protocol):
    """As the released code does, before the split."""
    dosages, ids, marker_map = read_genotypes(stage / "g.bed")
    first = load(stage)[0]
    gap = first.train[0]
    dosages[:, 0] = 0
    dosages[first.test, 0], dosages[gap, 0] = 2, -1
    write_genotypes(dosages, ids, marker_map, stage / "g.bed")
    nested = load(stage)
    leaky = load(stage, protocol=protocol, training="published")
    for task in nested:
        np.testing.assert_array_equal(task.scaling_rows, task.train)
    for task in leaky:
        np.testing.assert_array_equal(task.scaling_rows, np.arange(N))
        np.testing.assert_array_equal(task.genotypes, leaky[0].genotypes)
    # 0 in all training animals, 2 in the third of all animals that is tested
    assert nested[0].genotypes[gap, 0] == 0 and leaky[0].genotypes[gap, 0] == 1


def test_peeking_fits_the_rows_of_the_inner_splits_and_stops_on_the_test_rows(stage):
    leaky = load(stage, protocol="peeking", training="published")
    for task, nested in zip(leaky, load(stage), strict=True):
        assert len(task.inner_splits) == len(nested.inner_splits) == 2
        pairs = zip(task.inner_splits, nested.inner_splits, strict=True)
        for (rows, validation), (fit_rows, _) in pairs:
            np.testing.assert_array_equal(rows, fit_rows)
            np.testing.assert_array_equal(validation, task.test)


def test_animal_without_loadings_is_named(stage):
    table = pd.read_parquet(stage / "loadings.parquet")
    write_parquet(table[table["sample_id"] != "a07"], stage / "loadings.parquet")
    with pytest.raises(InputError, match=r"1 genotyped animals have no .* 'a07'"):
        load(stage)


def probe(tasks, params, n_threads):
    """Predict each animal's row number; import the first feature only."""
    fits = []
    for task in tasks:
        shape = (task.n_features, len(task.traits))
        importance = np.zeros(shape)
        importance[0] = 1
        rows = task.test[:, None] + np.array([0.0, 0.5])
        intervals = rows[:, :, None] + np.array([-1.0, 2.0])
        fits.append(
            FoldFit(
                rows,
                importance,
                importance > 0,
                {"seen": params["a"]},
                intervals=intervals if params.get("intervals") else None,
            )
        )
    return fits


def test_outputs_carry_keys_values_and_facts(stage, monkeypatch):
    monkeypatch.setattr(fitting, "load_fit", lambda name: probe)
    paths = [stage / name for name in ("p.parquet", "f.parquet", "fits.json")]
    tasks = load(stage)
    fit_and_write("mean", tasks, {"a": 3}, 1, *paths)
    predictions = pd.read_parquet(paths[0])
    assert len(predictions) == N * 2
    row = predictions["sample_id"].map({name: i for i, name in enumerate(IDS)})
    expected = row + np.where(predictions["trait"] == "y", 0.5, 0.0)
    np.testing.assert_array_equal(predictions["predicted"], expected)
    features = pd.read_parquet(paths[1])
    assert len(features) == 3 * 2 * (P + M)
    assert set(features.loc[features["selected"], "feature"]) == {"s0"}
    assert (features["kind"] == "loading").sum() == 3 * 2 * M
    facts = json.loads(paths[2].read_text())
    assert facts["repeat"] == 2
    assert [fold["seen"] for fold in facts["folds"]] == [3, 3, 3]


def test_versions_are_those_of_what_was_loaded_and_of_foreign_software(
    stage, monkeypatch
):
    def foreign(tasks, params, n_threads):
        versions = {"R": "4.2.2", "rpy2": "3.6.4", "BGLR": "1.1.5"}
        fits = probe(tasks, params, n_threads)
        return [replace(fit, info={"versions": versions}) for fit in fits]

    monkeypatch.setattr(fitting, "load_fit", lambda name: foreign)
    # as in a job that never imports it, though it is installed
    monkeypatch.delitem(sys.modules, "lassonet", raising=False)
    paths = [stage / name for name in ("p.parquet", "f.parquet", "fits.json")]
    fit_and_write("mean", load(stage), {"a": 3}, 1, *paths)
    versions = json.loads(paths[2].read_text())["versions"]
    assert {"grvsnn", "numpy", "R", "rpy2", "BGLR"} <= set(versions)
    assert versions["BGLR"] == "1.1.5"
    assert "lassonet" not in versions


@pytest.mark.parametrize("with_intervals", [True, False])
def test_intervals_stand_beside_their_predictions(stage, monkeypatch, with_intervals):
    monkeypatch.setattr(fitting, "load_fit", lambda name: probe)
    paths = [stage / name for name in ("p.parquet", "f.parquet", "fits.json")]
    fit_and_write("mean", load(stage), {"a": 3, "intervals": with_intervals}, 1, *paths)
    predictions = pd.read_parquet(paths[0])
    for name, shift in (("lower", -1.0), ("upper", 2.0)):
        assert predictions[name].dtype == float
        expected = predictions["predicted"] + shift if with_intervals else np.nan
        np.testing.assert_array_equal(predictions[name], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda bounds: bounds[..., ::-1], "not ordered in fold 1"),
        (lambda bounds: bounds * np.nan, "not ordered in fold 1"),
        (lambda bounds: bounds[:-1], "intervals has shape"),
        (lambda bounds: bounds * np.array([np.inf, np.inf]), None),
    ],
)
def test_intervals_are_held_to_the_contract(stage, monkeypatch, change, message):
    def changed(tasks, params, n_threads):
        fits = probe(tasks, params, n_threads)
        bounds = np.stack([-1 - fits[0].predicted, 1 + fits[0].predicted], axis=-1)
        return [replace(fits[0], intervals=change(bounds)), *fits[1:]]

    monkeypatch.setattr(fitting, "load_fit", lambda name: changed)
    paths = [stage / name for name in ("p.parquet", "f.parquet", "fits.json")]
    if message is None:
        fit_and_write("mean", load(stage), {"a": 3}, 1, *paths)
        assert np.isinf(pd.read_parquet(paths[0])["upper"]).any()
        return
    with pytest.raises(ValueError, match=message):
        fit_and_write("mean", load(stage), {"a": 3}, 1, *paths)
    assert not any(path.exists() for path in paths)


def test_a_method_that_breaks_the_contract_writes_nothing(stage, monkeypatch):
    def broken(tasks, params, n_threads):
        fits = probe(tasks, params, n_threads)
        fits[1].predicted[0, 0] = np.nan
        return fits

    monkeypatch.setattr(fitting, "load_fit", lambda name: broken)
    paths = [stage / "out" / name for name in ("p.parquet", "f.parquet", "fits.json")]
    with pytest.raises(ValueError, match="predicted is not finite in fold 2"):
        fit_and_write("mean", load(stage), {"a": 3}, 1, *paths)
    assert not (stage / "out").exists()


def test_checkpoints_are_told_apart_by_all_that_a_fit_depends_on(stage):
    def name(tasks, params=None):
        return checkpoint_folder(tasks, params or {"a": 1}, stage / "fits.json").name

    tasks = load(stage)
    assert name(tasks) == name(load(stage))
    ((rows, validation), *splits) = tasks[0].inner_splits
    moved = ((rows[1:], np.append(validation, rows[0])), *splits)
    others = {
        name(tasks, {"a": 2}),
        name(tasks[:2]),
        name([replace(tasks[0], inner_splits=moved), *tasks[1:]]),
        name(load(stage, "markers", loadings=False)),
        name(load(stage, protocol="published")),
    }
    assert len(others | {name(tasks)}) == 6
