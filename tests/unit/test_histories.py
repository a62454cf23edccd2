"""How networks trained: what fits keep, its medians, and the figure of them."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from grvsnn.methods import grvsnn, lassonet
from grvsnn.protocol.fit_facts import pack_losses, unpack_losses
from grvsnn.report.figures.training import plot_training
from grvsnn.run.checkpoints import read_fold, write_fold
from grvsnn.scoring.training_curves import (
    history_frame,
    median_by_epoch,
    median_by_features,
)
from toy_tasks import change, make_population, make_tasks

KEYS = {"dataset": "mouse", "setting": "markers", "repeat": 1}
NETWORK = {"n_trials": 0, "max_epochs": 12, "patience": 3, "learning_rates": [3e-3]}
PATH = {
    "hidden_dims": [3],
    "n_iters": [10, 5],
    "patience": [5, 3],
    "path_multiplier": 1.5,
    "max_lambdas": 25,
    "refit": False,
}


def make_task(method):
    population = make_population(np.random.default_rng(2), n_families=8, n_markers=20)
    task = make_tasks(*population, method=method)[0]
    Y = task.Y.copy()
    Y[task.train[::5], 0] = np.nan
    fit_rows, validation = task.inner_splits[0]
    splits = ((fit_rows, validation), (validation, fit_rows))
    return change(task, Y=Y, inner_splits=splits)


@pytest.fixture(scope="module")
def network():
    return grvsnn.fit([make_task("grvsnn")], NETWORK | {"members": 2}, 1)[0]


def facts(method, *folds, **keys):
    """Contents of a fits.json."""
    return KEYS | keys | {"method": method, "folds": list(folds)}


def fold_of(*losses, number=1, best=None):
    """Facts of a fold whose members had these validation losses, by epoch from 0."""
    histories = [
        {"training": pack_losses([np.nan, *line[1:]]), "validation": pack_losses(line)}
        for line in losses
    ]
    best = best or [int(np.nanargmin(line)) for line in losses]
    return {"fold": number, "histories": histories, "best_epoch": best}


def path_of(features, losses, number=1):
    """Facts of a fold whose path had these numbers of features and losses."""
    path = [
        {"active": active, "training_mse": loss / 2, "validation_mse": loss}
        for active, loss in zip(features, losses, strict=True)
    ]
    return {"fold": number, "path": path, "steps": int(np.argmin(losses)) + 1}


def test_losses_are_packed_to_six_digits_with_gaps_and_divergence():
    losses = [np.nan, 1.23456789, 0.000123456789, 1e12, np.inf]
    packed = pack_losses(losses)
    assert packed == "nan 1.23457 0.000123457 1e+12 inf"
    np.testing.assert_allclose(unpack_losses(packed), losses, rtol=5e-6)
    assert len(unpack_losses("")) == 0


def test_the_least_loss_kept_is_the_score_of_early_stopping(network):
    frame = history_frame([facts("grvsnn", {"fold": 1, **network.info})])
    members = frame.groupby("member")
    chosen = frame[frame["is_chosen"]].set_index("member")
    assert chosen["step"].tolist() == network.info["best_epoch"]
    np.testing.assert_array_equal(chosen["validation"], members["validation"].min())
    score = chosen["validation"].mean()
    assert score == pytest.approx(network.info["inner_score"], rel=5e-6)
    # epoch 0 is the untrained network, without a training loss
    assert members["step"].max().tolist() == network.info["epochs"]
    assert (frame["training"].isna() == (frame["step"] == 0)).all()
    assert frame["n_features"].isna().all()


def test_training_loss_falls_and_starts_at_the_variance(network):
    frame = history_frame([facts("grvsnn", {"fold": 1, **network.info})])
    for _, line in frame.groupby("member"):
        training = line["training"].dropna().to_numpy()
        assert training[-1] < training[0]
        # the network starts near 0, and phenotypes have variance 1
        assert training[0] == pytest.approx(1, abs=0.35)


def test_histories_outlive_a_checkpoint_and_json(network, tmp_path):
    write_fold(network, 1.0, tmp_path / "fold-1.npz")
    back = read_fold(tmp_path / "fold-1.npz")[0].info
    assert back["histories"] == network.info["histories"]
    # NaN is no JSON; strict parsers would refuse the file
    json.dumps(back["histories"], allow_nan=False)


def test_a_path_is_read_with_its_features_and_choice():
    (fit,) = lassonet.fit([make_task("lassonet")], PATH, 1)
    frame = history_frame([facts("lassonet", {"fold": 1, **fit.info})])
    assert frame["n_features"].tolist() == [s["active"] for s in fit.info["path"]]
    chosen = frame[frame["is_chosen"]]
    assert chosen["step"].tolist() == [fit.info["steps"]]
    assert chosen["validation"].tolist() == [fit.info["inner_score"]]
    assert frame["validation"].min() == fit.info["inner_score"]


def test_fits_without_history_give_no_row():
    frame = history_frame([facts("gblup", {"fold": 1, "seconds": 1.0})])
    assert frame.empty
    both = history_frame([facts("gblup", {"fold": 1}), facts("grvsnn", fold_of([1.0]))])
    assert set(both["method"]) == {"grvsnn"}
    assert frame.columns.tolist() == both.columns.tolist()


def test_median_goes_on_while_half_train_and_holds_what_stopped():
    fold = fold_of([1.0, 0.4], [1.0, 0.8, 0.6, 0.5, 0.5], [1.0, 0.9, 0.8])
    other = fold_of([1.0, 0.7, 0.9, np.nan], number=2)
    median = median_by_epoch(history_frame([facts("grvsnn", fold, other)]))
    # the fourth run's NaN at epoch 3 leaves one of four: it ends there
    assert median["x"].tolist() == [0, 1, 2]
    expected = [1.0, np.median([0.4, 0.8, 0.9, 0.7]), np.median([0.4, 0.6, 0.8, 0.9])]
    np.testing.assert_allclose(median["validation"], expected)
    np.testing.assert_allclose(median["training"], [np.nan, *expected[1:]])


def test_median_of_paths_is_taken_at_the_same_number_of_features():
    # losses linear in log10 of the features, on other numbers in each path
    paths = [
        path_of([1000, 1000, 100, 10], [9.0, 3.0, 2.0, 1.0]),
        path_of([1000, 316.2277660168, 31.6227766], [4.0, 3.5, 2.5], number=2),
        path_of([1000, 110], [5.0, 4 + np.log10(1.1)], number=3),
    ]
    median = median_by_features(history_frame([facts("lassonet", *paths)]), 21)
    np.testing.assert_allclose(median["x"].max(), 1000)
    # the last of several steps with all features counts; two of three reach 31.6
    np.testing.assert_allclose(median["x"].min(), 10**1.5, rtol=1e-6)
    # the third, which has ended at 110, still counts; else the median would fall there
    expected = np.log10(median["x"]) + 1
    np.testing.assert_allclose(median["validation"], expected)
    np.testing.assert_allclose(median["training"], median["validation"] / 2)


def test_an_empty_path_has_no_median():
    frame = history_frame([facts("lassonet", path_of([0, 0], [1.0, 1.0]))])
    assert median_by_features(frame).empty


def draw(fits, folder):
    plot_training(history_frame(fits), [folder / "f.svg"])
    root = ET.parse(folder / "f.svg").getroot()
    name = "{http://www.w3.org/2000/svg}text"
    return ["".join(node.itertext()).strip() for node in root.iter(name)]


def test_figure_has_a_panel_a_method_and_setting_variants_below_their_method(tmp_path):
    line = np.linspace(1, 0.8, 30)
    fits = [
        facts(method, fold_of(line), setting=setting)
        for method in ("grvsnn", "grvsnn-sigmoid")
        for setting in ("markers", "markers_pedigree")
    ]
    fits.append(facts("lassonet", path_of([50, 20, 5], [1.0, 0.9, 0.95])))
    shown = draw(fits, tmp_path)
    titles = [text for text in shown if text.startswith(("GRVSNN", "LassoNet"))]
    assert titles == [
        "GRVSNN: markers",
        "GRVSNN: markers + pedigree",
        "GRVSNN, sigmoid: markers",
        "GRVSNN, sigmoid: markers + pedigree",
        "LassoNet: markers",
        "LassoNet: markers + pedigree",
    ]
    assert shown.count("Epoch") == 4
    assert shown.count("Features left in the path") == 2
    assert "Mean squared error (training variances)" in shown


def test_figure_survives_divergence_and_a_path_to_nothing(tmp_path):
    diverged = fold_of([1.0, 1e9, np.inf], [1.0, np.nan], best=[0, 0])
    emptied = path_of([40, 1, 0], [0.9, 0.95, 1.0])
    shown = draw([facts("grvsnn", diverged), facts("lassonet", emptied)], tmp_path)
    # losses beyond are cut off
    numbers = [float(text) for text in shown if text.replace(".", "").isdigit()]
    assert max(numbers) <= 40


def test_single_runs_are_a_picture_and_do_not_swell_the_svg(tmp_path):
    losses = np.random.default_rng(1).uniform(0.5, 1, (5, 20))
    draw([facts("grvsnn", fold_of(*losses))], tmp_path)
    svg = (tmp_path / "f.svg").read_text()
    assert "<image" in svg
    assert "opacity: 0.4" not in svg
