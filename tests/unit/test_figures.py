import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import matplotlib.image
import matplotlib.text
import numpy as np
import pandas as pd
import pytest
from grvsnn.genotypes.checks import Limits
from grvsnn.protocol.fit_facts import pack_losses
from grvsnn.report.figures.forest import plot_comparisons
from grvsnn.report.figures.intervals import mean_intervals
from grvsnn.report.figures.manhattan import plot_manhattan
from grvsnn.report.figures.qc import plot_quality
from grvsnn.report.figures.ranges import plot_coverage, plot_stability
from grvsnn.report.figures.reported import plot_reported
from grvsnn.report.figures.scatter import pair_up, plot_true_vs_predicted
from grvsnn.report.figures.scree import Spectrum, plot_scree
from grvsnn.report.figures.strip import best_opponents, plot_overview, plot_runs
from grvsnn.report.figures.style import LOOKS
from grvsnn.report.figures.tradeoff import plot_accuracy_minutes
from grvsnn.report.figures.training import plot_training
from grvsnn.scoring.comparisons import compare_methods, correlated_t
from grvsnn.scoring.fits import runtime_frame
from grvsnn.scoring.metrics import dcor, pearson
from grvsnn.scoring.training_curves import history_frame
from matplotlib.backends.backend_agg import RendererAgg

SETTINGS = ["markers", "markers_pedigree", "pedigree"]
SVG = "{http://www.w3.org/2000/svg}"


def make_scores(metric="r", traits=("body_length", "bmi"), settings=SETTINGS[:2]):
    rng = np.random.default_rng(0)
    keys = {
        "dataset": ["mouse"],
        "setting": settings,
        "method": ["gblup", "brr", "grvsnn"],
        "trait": traits,
        "repeat": [1, 2],
        "fold": [1, 2, 3, 4, 5],
        "metric": [metric],
    }
    table = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    table["value"] = rng.normal(0.4, 0.05, len(table))
    return table


def make_points():
    rng = np.random.default_rng(1)
    predicted = rng.normal(0, 0.4, 120)
    return pd.DataFrame(
        {
            "dataset": "mouse",
            "trait": np.repeat(["bmi", "a & <b>"], 60),
            "predicted": predicted,
            "observed": predicted + rng.normal(0, 0.9, 120),
        }
    )


def make_features():
    rng = np.random.default_rng(2)
    marker_map = pd.DataFrame(
        {
            "snp": [f"m{i}" for i in range(60)],
            "chromosome": np.repeat(["1", "2", "X"], 20),
            "cm": np.tile(np.arange(20.0), 3),
        }
    )
    names = [*marker_map["snp"], "loading_1", "loading_2"]
    runs = pd.concat(
        [
            pd.DataFrame(
                {
                    "trait": "bmi",
                    "fold": fold,
                    "feature": names,
                    "kind": ["marker"] * 60 + ["loading"] * 2,
                    "importance": rng.random(62),
                    "selected": rng.random(62) > 0.5,
                }
            )
            for fold in (1, 2, 3)
        ]
    )
    qtl = marker_map.iloc[[3, 41]].assign(trait="bmi")
    return runs, marker_map, qtl


def draw_minutes(paths, **levels):
    scores = make_scores(**levels)
    jobs = scores.groupby(["dataset", "setting", "method", "repeat"]).size().index
    names = ["dataset", "setting", "method", "repeat", "seconds"]
    fits = [
        dict(zip(names, [*job, 60.0 + 30 * i], strict=True))
        for i, job in enumerate(jobs)
    ]
    plot_accuracy_minutes(scores, runtime_frame(fits), paths)


def draw_scree(paths):
    values = np.r_[np.linspace(9, 2, 20), np.full(60, 0.5)]
    spectrum = Spectrum(values, 20, "knee", 0.785)
    among_ties = Spectrum(values, 40, "fixed", ties=(21, 80))
    plot_scree({"mouse": spectrum, "my_herd": among_ties}, paths)


def draw_manhattan(paths):
    runs, marker_map, qtl = make_features()
    plot_manhattan(runs, marker_map, paths, qtl=qtl)


def make_coverage(**levels):
    scores = make_scores("coverage", **levels)
    scores["value"] = np.random.default_rng(3).binomial(60, 0.9, len(scores)) / 60
    return pd.concat(
        [
            scores,
            scores.assign(metric="n_observed", value=60.0),
            scores.assign(metric="interval_width", value=3.2),
        ]
    )


def draw_stability(paths):
    keys = ["dataset", "setting", "method", "trait"]
    frame = make_scores()[keys].drop_duplicates()
    frame["stability"] = np.linspace(0, 0.9, len(frame))
    frame.loc[frame.index[1], "stability"] = np.nan
    frame["lower"], frame["upper"] = frame["stability"] - 0.1, frame["stability"] + 0.1
    plot_stability(frame, paths)


def draw_reported(paths, traits=("body_length", "bmi")):
    levels = {
        "trait": list(traits),
        "method": ["grvsnn", "lassonet", "brr"],
        "setting": SETTINGS[:2],
        "metric": ["mse", "r", "dcor", "n_selected"],
    }
    names = list(levels)
    table = pd.MultiIndex.from_product(levels.values(), names=names)
    table = table.to_frame(index=False)
    counts = np.where(table["metric"] == "n_selected", 1000, 1)
    rng = np.random.default_rng(4)
    table["reported_mean"] = rng.random(len(table)) * counts
    table["mean"] = rng.random(len(table)) * counts
    table.loc[0, "mean"] = np.nan
    plot_reported(table, paths)


def draw_quality(paths, with_parents=True):
    """Genotypes with gaps, twins and wrong parents."""
    rng = np.random.default_rng(5)
    n = 300
    heterozygosity = np.r_[rng.normal(0.3, 0.01, n - 2), 0.2, 0.5]
    animals = pd.DataFrame(
        {
            "call_rate": np.r_[rng.uniform(0.95, 1, n - 1), 0.3],
            "heterozygosity": heterozygosity,
            "nearest": np.r_[rng.normal(0.7, 0.02, n - 2), 1, 1],
        }
    )
    frequency = rng.random(900).round(2)
    markers = pd.DataFrame({"frequency": frequency, "is_autosomal": True})
    markers["maf"] = np.minimum(frequency, 1 - frequency)
    markers["call_rate"] = rng.uniform(0.8, 1, 900)
    rates = {"random": rng.normal(0.07, 0.01, 500)}
    if with_parents:
        rates["recorded"] = np.r_[rng.exponential(0.001, 200), 0.06]
    pairs = pd.concat(
        [pd.DataFrame({"kind": kind, "rate": rate}) for kind, rate in rates.items()]
    )
    plot_quality(animals, markers, pairs, Limits(), paths)


def draw_training(paths, settings=SETTINGS[:2]):
    """Two networks that overfit after some epochs, and a path."""
    rng = np.random.default_rng(6)
    losses = [1 - 0.3 * np.exp(-((np.arange(40) / 15 - 1) ** 2)) for _ in range(4)]
    packed = [pack_losses(line + rng.normal(0, 0.01, 40)) for line in losses]
    network = {
        "fold": 1,
        "histories": [{"training": line, "validation": line} for line in packed],
        "best_epoch": [14, 15, 15, 18],
    }
    path = {
        "fold": 1,
        "path": [
            {"active": active, "training_mse": 0.5, "validation_mse": 0.9}
            for active in (10346, 10346, 900, 30)
        ],
        "steps": 3,
    }
    folds = {"grvsnn": network, "lassonet": path, "grvsnn-sigmoid": network}
    fits = [
        {"dataset": "mouse", "repeat": 1, "folds": [fold]}
        | {"method": method, "setting": setting}
        for method, fold in folds.items()
        for setting in settings
    ]
    plot_training(history_frame(fits), paths)


SMALL = {"traits": ["body_length"], "settings": SETTINGS}
FIGURES = {
    "quality": draw_quality,
    "quality, no parents": lambda paths: draw_quality(paths, with_parents=False),
    "scatter": lambda paths: plot_true_vs_predicted(make_points(), paths),
    "scree": draw_scree,
    "runs": lambda paths: plot_runs(make_scores(), paths),
    "overview": lambda paths: plot_overview(make_scores(), paths),
    "breeding": lambda paths: plot_runs(
        make_scores("accuracy_breeding"), paths, metric="accuracy_breeding"
    ),
    "minutes": draw_minutes,
    "forest": lambda paths: plot_comparisons(compare_methods(make_scores()), paths),
    "manhattan": draw_manhattan,
    "coverage": lambda paths: plot_coverage(make_coverage(), paths),
    "coverage, one panel": lambda paths: plot_coverage(make_coverage(**SMALL), paths),
    "calibration": lambda paths: plot_runs(make_scores("slope"), paths, metric="slope"),
    "stability": draw_stability,
    "training": draw_training,
    "training, one column": lambda paths: draw_training(paths, SETTINGS[:1]),
    "reported": draw_reported,
    "reported, one trait": lambda paths: draw_reported(paths, ["bmi"]),
    "runs, one panel": lambda paths: plot_runs(make_scores(**SMALL), paths),
    "minutes, one panel": lambda paths: draw_minutes(paths, **SMALL),
    "forest, one panel": lambda paths: plot_comparisons(
        compare_methods(make_scores(**SMALL)), paths
    ),
}


def test_the_best_opponent_is_none_of_this_projects_networks():
    scores = make_scores(traits=("bmi",))
    level = {"grvsnn": 0.9, "gblup": 0.4, "brr": 0.5}
    scores["value"] += scores["method"].map(level) - scores["value"].mean()
    found = best_opponents(scores)
    assert found["method"].tolist() == ["brr", "brr"]
    # one that is not defined in every run cannot be the best
    scores.loc[scores["method"].eq("brr") & scores["fold"].eq(1), "value"] = np.nan
    assert best_opponents(scores)["method"].tolist() == ["gblup", "gblup"]


def texts(path):
    """All text of an SVG, a line an element."""
    root = ET.parse(path).getroot()
    return ["".join(node.itertext()).strip() for node in root.iter(f"{SVG}text")]


@pytest.fixture(scope="module", params=list(FIGURES))
def drawn(request, tmp_path_factory):
    """One figure's PNG and SVG, and the place of every text in the PNG (pixels)."""
    folder = tmp_path_factory.mktemp("figure")
    paths = [folder / "f.png", folder / "f.svg"]
    boxes = {}
    draw = mpl.text.Text.draw

    def record(text, renderer):
        shown = text.get_visible() and text.get_text().strip()
        if shown and isinstance(renderer, RendererAgg):
            # the layout is settled in the last of two passes
            boxes[text] = text.get_window_extent(renderer)
        return draw(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mpl.text.Text, "draw", record)
        FIGURES[request.param](paths)
    return request.param, paths, [(text.get_text(), box) for text, box in boxes.items()]


def test_figures_are_valid_and_the_same_bytes_twice(drawn, tmp_path):
    name, (png, svg), _ = drawn
    again = [tmp_path / "f.png", tmp_path / "f.svg"]
    FIGURES[name](again)
    assert again[0].read_bytes() == png.read_bytes()
    assert again[1].read_bytes() == svg.read_bytes()
    assert png.read_bytes().startswith(b"\x89PNG\r\n")
    assert ET.parse(svg).getroot().tag == f"{SVG}svg"
    assert "<dc:date>" not in svg.read_text(encoding="utf-8")
    assert texts(svg), "text must stay text"


def test_no_text_overlaps_another_or_leaves_the_page(drawn):
    _, (png, _), boxes = drawn
    height, width = mpl.image.imread(png).shape[:2]
    assert len(boxes) > 5
    for i, (label, box) in enumerate(boxes):
        assert min(box.x0, box.y0) > -1, label
        assert box.x1 < width + 1, label
        assert box.y1 < height + 1, label
        for other, its_box in boxes[:i]:
            assert not box.overlaps(its_box), f"{label!r} on {other!r}"


def test_scatter_prints_r_and_dcor_of_its_points(tmp_path):
    points = make_points()
    plot_true_vs_predicted(points, [tmp_path / "f.svg"])
    shown = " ".join(texts(tmp_path / "f.svg"))
    for _, part in points.groupby("trait"):
        observed, predicted = part["observed"].to_numpy(), part["predicted"].to_numpy()
        assert f"r = {pearson(observed, predicted):.3f}" in shown
        assert f"dCor = {dcor(observed, predicted):.3f}" in shown
    assert "A & <b>" in shown
    assert "training SD" in shown


def test_scatter_of_constant_predictions_says_so(tmp_path):
    points = make_points().assign(predicted=0.0)
    plot_true_vs_predicted(points, [tmp_path / "f.svg"])
    assert "constant predictions" in " ".join(texts(tmp_path / "f.svg"))


def test_pair_up_joins_and_drops_missing_phenotypes():
    truth = pd.DataFrame(
        {
            "repeat": 1,
            "fold": [1, 1, 2],
            "sample_id": ["a", "b", "c"],
            "trait": "bmi",
            "observed": [0.5, np.nan, 1.5],
        }
    )
    predictions = truth.drop(columns="observed").assign(predicted=[1.0, 2.0, 3.0])
    pairs = pair_up(predictions.iloc[::-1], truth)
    got = pairs.set_index("sample_id")[["observed", "predicted"]]
    assert got.to_dict("index") == {
        "c": {"observed": 1.5, "predicted": 3.0},
        "a": {"observed": 0.5, "predicted": 1.0},
    }


def test_scree_prints_rank_rule_and_share(tmp_path):
    draw_scree([tmp_path / "f.svg"])
    shown = texts(tmp_path / "f.svg")
    assert any("m = 20" in text for text in shown)
    assert any("knee" in text for text in shown)
    assert any("78% of the trace" in text for text in shown)
    assert any("ties 21–80" in text for text in shown)
    assert {"Mouse", "My herd"} <= set(shown)


def test_runs_are_all_drawn(tmp_path):
    plot_runs(make_scores(), [tmp_path / "f.svg"])
    root = ET.parse(tmp_path / "f.svg").getroot()
    pale = [
        node
        for node in root.iter(f"{SVG}use")
        if re.search(r"(fill-)?opacity: 0\.35", node.get("style", ""))
    ]
    # 2 traits x 2 settings x 3 methods x 10 runs
    assert len(pale) == 120


def test_means_of_fewer_runs_name_their_number(tmp_path):
    scores = make_scores(traits=("bmi",), settings=["markers"])
    few = (scores["method"] == "grvsnn") & (
        (scores["fold"] > 1) | (scores["repeat"] > 1)
    )
    scores.loc[few, "value"] = np.nan
    scores.loc[(scores["method"] == "brr") & (scores["fold"] == 5), "value"] = np.nan
    plot_runs(scores, [tmp_path / "runs.svg"])
    plot_comparisons(compare_methods(scores), [tmp_path / "tests.svg"])
    for name in ("runs", "tests"):
        text = (tmp_path / f"{name}.svg").read_text()
        assert re.findall(r">n = (\d+)<", text) == ["8", "1"], name


def test_mean_intervals_are_the_corrected_ones():
    scores = make_scores()
    got = mean_intervals(scores, ["method", "setting", "trait"])
    first = got.iloc[0]
    runs = scores.merge(first[["method", "setting", "trait"]].to_frame().T)["value"]
    expected = correlated_t(runs, rho=1 / 5)
    assert first["mean"] == pytest.approx(runs.mean())
    assert (first["lower"], first["upper"]) == (expected.lower, expected.upper)
    ordinary = correlated_t(runs, rho=0.0)
    assert expected.upper - expected.lower > 1.5 * (ordinary.upper - ordinary.lower)


def test_methods_differ_in_shape_as_well_as_colour():
    for attribute in ("marker", "colour"):
        values = [getattr(shape, attribute) for shape in LOOKS.values()]
        assert len(set(values)) == len(values)


def test_style_does_not_leak(tmp_path):
    before = dict(mpl.rcParams)
    FIGURES["scree"]([tmp_path / "f.png"])
    assert dict(mpl.rcParams) == before


def test_no_two_methods_look_alike():
    """In grey only the marker tells, in colour both do."""
    assert len({str(look.marker) for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.colour for look in LOOKS.values()}) == len(LOOKS)
