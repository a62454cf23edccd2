"""New animals from PLINK files: alignment, prediction, intervals, command line."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import predict_animals
import pytest
from grvsnn.base.errors import InputError
from grvsnn.estimator.new_animals import (
    align_dosages,
    fit_from_bed,
    match_alleles,
    predict_from_bed,
)
from grvsnn.estimator.regressor import GRVSNNRegressor
from grvsnn.estimator.saved_model import save_model
from grvsnn.genotypes.plink import read_genotypes, write_genotypes

N, P = 160, 40
QUICK = {"learning_rate": 1e-2, "batch_size": 64, "max_epochs": 60, "random_state": 1}
PAIRS = [("A", "C"), ("G", "A"), ("T", "C"), ("G", "T"), ("A", "T"), ("C", "G")]
OPPOSITE = {"A": "T", "T": "A", "C": "G", "G": "C"}


def write_herd(bed, dosages, marker_map, ids):
    write_genotypes(dosages, np.array(ids), marker_map, bed)
    return bed.with_suffix("")


@pytest.fixture(scope="module")
def herd(tmp_path_factory):
    """Training files with gaps, their phenotypes, and 30 new animals as they should
    be."""
    folder = tmp_path_factory.mktemp("herd")
    rng = np.random.default_rng(3)
    dosages = rng.binomial(2, rng.uniform(0.2, 0.8, P), (N + 30, P)).astype(np.int8)
    marker_map = pd.DataFrame(
        {
            "chromosome": "1",
            "snp": [f"s{i}" for i in range(P)],
            "cm": 0.0,
            "position": np.arange(1, P + 1),
            "a1": [PAIRS[i % 6][0] for i in range(P)],
            "a2": [PAIRS[i % 6][1] for i in range(P)],
        }
    )
    value = 2.0 * (dosages[:, 2] - dosages[:, 7]) + rng.normal(size=N + 30)
    train = dosages[:N].copy()
    train[rng.random(train.shape) < 0.02] = -1
    write_herd(folder / "old.bed", train, marker_map, [f"a{i}" for i in range(N)])
    phenotypes = pd.DataFrame(
        {
            "sample_id": [f"a{i}" for i in range(N)],
            "growth": 50 + 10 * value[:N],
            "fat": rng.normal(size=N),
        }
    )
    phenotypes.loc[::9, "fat"] = np.nan
    return folder, marker_map, dosages[N:], phenotypes, value[N:]


@pytest.fixture(scope="module")
def model(herd):
    folder, _, _, phenotypes, _ = herd
    shuffled = phenotypes.sample(frac=1, random_state=0)
    return fit_from_bed(folder / "old", shuffled, members=3, **QUICK)


@pytest.fixture(scope="module")
def plain(herd):
    """The new animals in a file that lists the markers as the model does."""
    folder, marker_map, new, _, _ = herd
    return write_herd(folder / "new.bed", new, marker_map, [f"n{i}" for i in range(30)])


def test_matching_of_alleles_by_hand():
    cases = [
        (("A", "C"), ("A", "C"), 0),
        (("A", "C"), ("C", "A"), 1),
        (("A", "C"), ("T", "G"), 2),
        (("A", "C"), ("G", "T"), 3),
        (("A", "T"), ("A", "T"), 0),
        (("A", "T"), ("T", "A"), 1),
        (("A", "C"), ("A", "G"), -1),
        (("A", "C"), ("A", "T"), -1),
        # nobody carries the second allele, in the new file or in the model's
        (("A", "C"), ("0", "C"), 0),
        (("A", "C"), ("0", "A"), 1),
        (("A", "C"), ("0", "G"), 2),
        (("A", "C"), ("0", "T"), 3),
        (("0", "C"), ("A", "C"), 0),
        (("0", "C"), ("C", "A"), 1),
        (("0", "C"), ("C", "0"), 1),
        (("A", "C"), ("0", "0"), 0),
        # not nucleotides: by name only
        (("1", "2"), ("2", "1"), 1),
        (("AT", "A"), ("A", "AT"), 1),
        (("AT", "A"), ("TA", "T"), -1),
        (("0", "A"), ("AT", "T"), -1),
    ]
    ours, theirs, expected = zip(*cases, strict=True)
    found = match_alleles(np.array(ours), np.array(theirs))
    assert dict(zip(cases, found.tolist(), strict=True)) == dict(
        zip(cases, expected, strict=True)
    )


def disguise(new, marker_map, rng):
    """The same animals as another laboratory would write them.

    Half of the markers count the other allele, half of the unambiguous ones are read
    on the other strand; the markers come in another order, with foreign ones.
    """
    new, marker_map = new.copy(), marker_map.copy()
    for j in range(P):
        pair = [marker_map.loc[j, "a1"], marker_map.loc[j, "a2"]]
        if rng.random() < 1 / 2:
            pair, new[:, j] = pair[::-1], 2 - new[:, j]
        if rng.random() < 1 / 2 and OPPOSITE[pair[0]] != pair[1]:
            pair = [OPPOSITE[allele] for allele in pair]
        marker_map.loc[j, ["a1", "a2"]] = pair
    foreign = marker_map.iloc[:5].assign(snp=[f"x{i}" for i in range(5)])
    both = pd.concat([marker_map, foreign], ignore_index=True)
    new = np.hstack([new, rng.integers(0, 3, (len(new), 5)).astype(np.int8)])
    order = rng.permutation(P + 5)
    return new[:, order], both.iloc[order].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(5))
def test_order_allele_and_strand_change_nothing(herd, model, plain, tmp_path, seed):
    _, marker_map, new, _, _ = herd
    other, other_map = disguise(new, marker_map, np.random.default_rng(seed))
    ids, X, report = align_dosages(
        model.markers_,
        write_herd(
            tmp_path / "lab.bed", other, other_map, [f"n{i}" for i in range(30)]
        ),
    )
    np.testing.assert_array_equal(X, new)
    assert ids.tolist() == [f"n{i}" for i in range(30)]
    assert (report.n_animals, report.n_markers) == (30, P)
    assert (report.absent, report.missing_calls, report.extra) == (0, 0, 5)
    assert min(report.same, report.flipped, report.strand, report.strand_flipped) > 0
    how = report.same + report.flipped + report.strand + report.strand_flipped
    assert how == P
    # markers 4, 5 of every 6 are A/T and C/G
    assert report.palindromic == 12
    expected, _ = predict_from_bed(model, plain)
    found, _ = predict_from_bed(model, tmp_path / "lab.bed")
    pd.testing.assert_frame_equal(found, expected)


def test_gaps_take_the_training_mean_as_those_of_training_animals_do(
    herd, model, tmp_path
):
    _, marker_map, new, _, _ = herd
    new = new.copy()
    new[:, 5], new[3, 8] = -1, -1
    keep = np.arange(P) != 12
    prefix = write_herd(
        tmp_path / "few.bed",
        new[:, keep],
        marker_map[keep],
        [f"n{i}" for i in range(30)],
    )
    _, X, report = align_dosages(model.markers_, prefix)
    assert (report.absent, report.missing_calls) == (1, 31)
    assert X.dtype == np.int8 and X.min() >= 0 and X.max() <= 2
    mean = np.rint(model.markers_["mean"])
    assert (X[:, 12] == mean[12]).all() and (X[:, 5] == mean[5]).all()
    # the regressor's own treatment of NaN is the same
    gaps = np.where(new < 0, np.nan, new)
    gaps[:, 12] = np.nan
    np.testing.assert_array_equal(model.predict(X), model.predict(gaps))


def test_reference_means_are_those_of_the_calls(herd, model):
    dosages, _, _ = read_genotypes(herd[0] / "old.bed")
    calls = np.where(dosages < 0, np.nan, dosages)
    np.testing.assert_allclose(model.markers_["mean"], np.nanmean(calls, axis=0))
    assert model.traits_ == ["growth", "fat"]


def test_predictions_are_in_units_of_the_phenotype_and_useful(herd, model, plain):
    predictions, _ = predict_from_bed(model, plain)
    assert list(predictions) == ["sample_id", "trait", "predicted", "lower", "upper"]
    growth = predictions[predictions["trait"] == "growth"]
    assert np.corrcoef(growth["predicted"], herd[4])[0, 1] > 0.5
    assert growth["predicted"].mean() == pytest.approx(50 + 10 * herd[4].mean(), abs=8)
    observed = 50 + 10 * herd[4]
    covered = (growth["lower"].to_numpy() <= observed) & (
        observed <= growth["upper"].to_numpy()
    )
    assert covered.mean() > 0.7
    wider, _ = predict_from_bed(model, plain, coverage=0.97)
    assert (wider["lower"] <= predictions["lower"]).all()
    assert (wider["upper"] >= predictions["upper"]).all()


def test_markers_too_many_of_which_are_absent_are_refused(herd, model, tmp_path):
    _, marker_map, new, _, _ = herd
    ids = [f"n{i}" for i in range(30)]
    prefix = write_herd(tmp_path / "f.bed", new[:, 9:], marker_map[9:], ids)
    with pytest.raises(InputError, match=r"9 of the model's 40 .*22%, .*s0, s1, s2$"):
        align_dosages(model.markers_, prefix)
    assert align_dosages(model.markers_, prefix, max_absent=0.3)[2].absent == 9


def test_alleles_that_cannot_match_are_refused_together(herd, model, tmp_path):
    _, marker_map, new, _, _ = herd
    wrong = marker_map.copy()
    wrong.loc[[0, 6, 12, 18], "a2"] = "G"
    prefix = write_herd(tmp_path / "w.bed", new, wrong, [f"n{i}" for i in range(30)])
    message = r"4 markers .* s0 \(A/G, in the model A/C\), s6 .*, s12 .*same name\?"
    with pytest.raises(InputError, match=message) as error:
        align_dosages(model.markers_, prefix)
    assert "s18" not in str(error.value)


def test_names_that_stand_for_two_are_refused(herd, model, tmp_path):
    _, marker_map, new, phenotypes, _ = herd
    twice = marker_map.assign(snp=marker_map["snp"].replace("s3", "s2"))
    ids = [f"a{i}" for i in range(30)]
    prefix = write_herd(tmp_path / "t.bed", new, twice, ids)
    with pytest.raises(InputError, match=r"1 markers are there more than once.*s2"):
        align_dosages(model.markers_, prefix, max_absent=0.5)
    with pytest.raises(InputError, match="markers are there more than once"):
        fit_from_bed(prefix, phenotypes)
    prefix = write_herd(tmp_path / "i.bed", new, marker_map, ["a1", *ids[1:]])
    with pytest.raises(InputError, match=r"1 animals are there more than once.*a1"):
        fit_from_bed(prefix, phenotypes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="sample_id"), "sample_id"),
        (lambda t: t[["sample_id"]], "a trait"),
        (lambda t: t.assign(sample_id="b" + t["sample_id"]), "sample ids the same"),
        (lambda t: pd.concat([t, t[:1]]), "more than once, e.g. a0"),
        (lambda t: t.assign(breed="duroc"), "'breed' is not numeric"),
    ],
)
def test_phenotypes_that_cannot_be_used_are_refused(herd, change, message):
    folder, _, _, phenotypes, _ = herd
    with pytest.raises(InputError, match=message):
        fit_from_bed(folder / "old", change(phenotypes))


def test_animals_without_phenotypes_are_left_out(herd):
    """Whether they are absent from the table or have only gaps in it."""
    folder, _, _, phenotypes, _ = herd
    gone = phenotypes.iloc[20:]
    empty = phenotypes.copy()
    empty.loc[:19, ["growth", "fat"]] = np.nan
    models = [
        fit_from_bed(folder / "old.bed", table, **QUICK | {"max_epochs": 3})
        for table in (gone, empty)
    ]
    one, two = (model.predict(np.ones((1, P), dtype=np.int8)) for model in models)
    np.testing.assert_array_equal(one, two)


def test_a_model_of_plain_arrays_is_told_so(plain):
    X = np.tile(np.array([[0, 1], [1, 2]], dtype=np.int8), (20, 1))
    model = GRVSNNRegressor(max_epochs=1, random_state=0).fit(X, X[:, 0].astype(float))
    with pytest.raises(InputError, match="fit_from_bed"):
        predict_from_bed(model, plain)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    save_model(model, path)
    return path


def test_command_line_writes_what_the_model_predicts(
    model, saved, plain, tmp_path, capsys
):
    out = tmp_path / "new" / "predictions.csv"
    predict_animals.main([str(saved), str(plain), "--out", str(out)])
    expected, report = predict_from_bed(model, plain)
    assert capsys.readouterr().out.strip() == str(report)
    pd.testing.assert_frame_equal(pd.read_csv(out), expected, check_exact=True)


@pytest.mark.parametrize("mistake", ["model", "bed", "truncated", "coverage", "out"])
def test_command_line_mistakes_give_one_line_and_no_file(
    saved, plain, tmp_path, mistake
):
    model, prefix, out, more = saved, plain, tmp_path / "p.csv", []
    if mistake == "model":
        model = tmp_path / "absent"
    elif mistake == "bed":
        prefix = tmp_path / "absent"
    elif mistake == "truncated":
        model = tmp_path / "model"
        shutil.copy(f"{saved}.json", f"{model}.json")
        model.with_suffix(".safetensors").write_bytes(b"short")
    elif mistake == "coverage":
        more = ["--coverage", "1.5"]
    else:
        (tmp_path / "file").write_text("")
        out = tmp_path / "file" / "p.csv"
    with pytest.raises(SystemExit) as stop:
        predict_animals.main([str(model), str(prefix), "--out", str(out), *more])
    # Python prints a text on stderr and exits with status 1
    assert stop.value.code.startswith("predict_animals: ")
    assert "\n" not in stop.value.code
    assert not out.exists()


def test_command_line_runs_as_a_program(root, tmp_path):
    command = [sys.executable, root / "scripts/predict_animals.py", "absent", "herd"]
    done = subprocess.run(
        [*command, "--out", tmp_path / "p.csv"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"predict_animals: .*absent.*\n", done.stderr)
