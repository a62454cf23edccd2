"""The transcription of the paper's tables, and this workflow's numbers beside it."""

import numpy as np
import pandas as pd
import pytest
import yaml
from grvsnn.base.labels import METHODS
from grvsnn.report.tables.audit import reproduced_table
from grvsnn.report.tables.write import write_table
from grvsnn.scoring.plausibility import RANGES
from grvsnn.scoring.reported import PLACE, backend, read_results, reproduce


@pytest.fixture(scope="module")
def reported(root):
    return read_results(root / "workflow/resources/reported.csv")


def test_every_cell_of_the_tables_is_there_once(reported):
    assert reported["table"].value_counts().to_dict() == {
        "1": 80,
        "2": 80,
        "3": 200,
        "4": 90,
        "5": 30,
    }
    assert not reported.duplicated(["table", *PLACE]).any()
    assert reported["metric"].value_counts().to_dict() == {
        "mse": 90,
        "r": 90,
        "dcor": 90,
        "n_selected": 90,
        "n_selected_markers": 45,
        "n_selected_loadings": 45,
        "minutes": 30,
    }
    # every trait of every dataset has all five methods in both settings
    main = reported[reported["table"].isin(["1", "2", "3"])]
    cells = main[main["metric"] == "mse"].groupby(["dataset", "trait"]).size()
    assert (cells == 10).all()


def test_names_are_those_of_the_workflow(reported, root):
    registry = yaml.safe_load((root / "config/datasets.yaml").read_text())["registry"]
    for dataset, part in reported.groupby("dataset"):
        assert set(part["trait"]) - {""} == set(registry[dataset]["traits"])
    assert set(reported["method"]) <= set(METHODS)
    assert set(reported["setting"]) == {"markers", "markers_pedigree"}
    assert (reported["trait"].eq("") == reported["table"].eq("5")).all()


def test_values_lie_in_their_ranges(reported):
    low = reported["metric"].map(lambda m: RANGES[m][0])
    high = reported["metric"].map(lambda m: RANGES[m][1])
    assert reported["mean"].between(low, high).all()
    has_sd = reported["metric"].isin(["mse", "r", "minutes"])
    assert (reported["sd"].notna() == has_sd).all()
    assert reported.loc[has_sd, "sd"].between(0.001, 0.072).all()
    assert reported.loc[reported["metric"].isin(["mse", "r"]), "mean"].max() < 0.75


@pytest.mark.parametrize(
    ("place", "mean", "sd"),
    [
        (("pine", "trait_9", "markers_pedigree", "grvsnn", "mse"), 0.203, 0.033),
        (("mouse", "body_length", "markers", "grvsnn", "r"), 0.691, 0.004),
        (("mouse", "bmi", "markers_pedigree", "brr", "n_selected_loadings"), 68, None),
        (("pig", "trait_4", "markers_pedigree", "grvsnn", "dcor"), 0.983, None),
        (("pig", "trait_5", "markers", "bayescpi", "n_selected"), 217, None),
        (("pig", "", "markers", "blasso", "minutes"), 22.1, 0.006),
    ],
)
def test_some_cells_by_hand(reported, place, mean, sd):
    cell = reported.set_index(PLACE).loc[place]
    assert cell["mean"] == mean
    assert cell["sd"] == sd if sd else np.isnan(cell["sd"])


def test_printed_digits_are_kept_as_rounding(reported, tmp_path):
    rounding = reported.groupby("metric")["mean_rounding"].unique().map(list)
    assert rounding["r"] == pytest.approx([0.0005])
    assert rounding["n_selected"] == [0.5]
    assert rounding["minutes"] == pytest.approx([0.05])
    path = tmp_path / "r.csv"
    path.write_text(",".join([*PLACE, "mean"]) + "\nd,t,s,m,r,0.123456789\n")
    assert read_results(path)["mean_rounding"].tolist() == [0.0]


def make_fits():
    base = {"dataset": "mouse", "setting": "markers", "versions": {"grvsnn": "9.9"}}
    return [
        base
        | {
            "method": method,
            "repeat": repeat,
            "seconds": 60.0 * repeat,
            "folds": [fold],
        }
        for method, fold in (
            ("grvsnn", {"fold": 1}),
            ("brr", {"fold": 1, "backend": "native", "version": "0.1"}),
        )
        for repeat in (1, 3)
    ]


def make_scores():
    keys = ["dataset", "setting", "method", "repeat", "fold", "trait", "metric"]
    place = ("mouse", "markers", "grvsnn")
    rows = [
        (*place, 1, fold, "bmi", metric, value)
        for fold, values in ((1, (0.2, 0.9)), (2, (0.4, 0.8)))
        for metric, value in zip(("r", "mse"), values, strict=True)
    ]
    rows += [("mouse", "markers", "brr", 1, 1, "bmi", "r", np.nan)]
    return pd.DataFrame(rows, columns=[*keys, "value"])


def test_every_reported_cell_has_a_row_and_a_status(reported):
    table = reproduce(reported, make_scores(), make_fits(), "nested")
    assert len(table) == len(reported)
    cells = table.set_index(PLACE)
    r = cells.loc[("mouse", "bmi", "markers", "grvsnn", "r")]
    assert (r["mean"], r["n_runs"]) == (pytest.approx(0.3), 2)
    assert r["sd"] == pytest.approx(np.sqrt(0.02))
    assert r["difference"] == pytest.approx(0.3 - 0.681)
    assert (r["status"], r["protocol"]) == ("reproduced", "nested")
    minutes = cells.loc[("mouse", "", "markers", "grvsnn", "minutes")]
    assert (minutes["mean"], minutes["n_runs"]) == (2.0, 2)
    status = cells["status"]
    assert (status["pig"] == "data not available").all()
    assert status["mouse", "bmi", "markers_pedigree", "grvsnn", "r"] == "not run"
    assert status["mouse", "bmi", "markers", "brr", "r"] == "not defined"
    assert status["mouse", "body_length", "markers", "grvsnn", "r"] == "not run"


def test_no_cell_is_left_out_where_no_dataset_of_the_paper_is_run(reported, claims):
    """Numbers of datasets that are not configured have their row, and say so."""
    scores, fits = make_scores(), make_fits()
    table = reproduce(
        pd.concat([reported, claims]),
        scores.assign(dataset="herd"),
        [fit | {"dataset": "herd"} for fit in fits],
        "nested",
    )
    assert len(table) == 480 + 10
    assert (table["status"] == "data not available").all()
    assert table[["mean", "sd", "difference"]].isna().all(axis=None)
    printed = reproduced_table(table).cells
    assert (printed["Ours"] == "data not available").all()


@pytest.fixture(scope="module")
def claims(root):
    return read_results(root / "workflow/resources/reported_claims.csv")


def test_claims_agree_with_the_tables_that_they_are_about(reported, claims):
    """The text's improvements in per cent are those of the printed MSE."""
    cells = reported.set_index(PLACE)["mean"]
    gains = claims[claims["metric"] == "improvement"]
    assert len(gains) == 4
    for row in gains.itertuples():
        before, after = (
            cells[row.dataset, row.trait, setting, row.method, "mse"]
            for setting in ("markers", "markers_pedigree")
        )
        assert row.mean == pytest.approx(100 * (before - after) / before, abs=0.1)


def test_claims_of_ablations_are_put_beside_ours(claims):
    pedigree = make_scores().assign(setting="markers_pedigree", trait="body_length")
    pedigree["value"] *= 0.9
    scores = pd.concat([make_scores().assign(trait="body_length"), pedigree])
    folds = [
        {"fold": f, "best_epoch": [e], "epochs": [e]} for f, e in ((1, 60), (2, 80))
    ]
    fits = [
        make_fits()[0] | {"method": method, "folds": folds}
        for method in ("grvsnn", "grvsnn-sigmoid")
    ]
    table = reproduce(claims, scores, fits, "nested").set_index(PLACE)
    gain = table.loc[
        ("mouse", "body_length", "markers_pedigree", "grvsnn", "improvement")
    ]
    assert gain["mean"] == pytest.approx(10) and gain["status"] == "reproduced"
    for method in ("grvsnn", "grvsnn-sigmoid"):
        epochs = table.loc[("mouse", "", "", method, "best_epoch")]
        assert (epochs["mean"], epochs["n_runs"]) == (70, 2)
    assert (table["status"]["pig"] == "data not available").all()
    printed = reproduced_table(table.reset_index()).cells
    assert not printed.isin(["nan"]).any(axis=None)


def test_a_fit_names_its_software():
    assert [backend(fit) for fit in make_fits()[1:3]] == ["grvsnn 9.9", "native 0.1"]
    versions = {"lassonet": "0.0.21", "grvsnn": "9.9"}
    fit = {"method": "lassonet", "folds": [{"fold": 1}], "versions": versions}
    assert backend(fit) == "lassonet 0.0.21"


def test_the_printed_table_has_every_cell(reported, tmp_path):
    reproduced = reproduce(reported, make_scores(), make_fits(), "nested")
    table = reproduced_table(reproduced)
    assert len(table.cells) == 480
    paths = [tmp_path / f"t.{ext}" for ext in ("csv", "tex", "html")]
    write_table(table, paths, "Reported and reproduced")
    csv, tex, html = (path.read_text(encoding="utf-8") for path in paths)
    assert len(csv.splitlines()) == 481
    assert html.count("data not available") == (reproduced["dataset"] != "mouse").sum()
    assert tex.count("{") == tex.count("}")
    # no page holds it
    assert tex.count(r"\end{longtable}") == 1 and r"\begin{table}" not in tex
    shown = table.cells.loc[("2", "Mouse", "BMI", "GRVSNN", "Genomic markers", "r")]
    assert shown.iloc[:3].tolist() == ["0.681 ± 0.062", "0.300 ± 0.141", "−0.381"]
