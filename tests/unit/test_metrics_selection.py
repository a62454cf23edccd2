import numpy as np
import pandas as pd
import pytest
from grvsnn.scoring.selection import (
    TrueQtl,
    bayesian_fdr,
    by_rule,
    confusion_rates,
    score_selection,
    stability,
    stability_scores,
)

MAP = pd.DataFrame(
    {
        "snp": ["m1", "m2", "m3", "m4", "m5", "m6"],
        "chromosome": ["1", "1", "1", "2", "2", "2"],
        "cm": [0.0, 1.0, 5.0, 0.0, 1.0, 9.0],
    }
)
# one QTL on the panel, one beside it, one on another trait
QTL = pd.DataFrame(
    {
        "snp": ["m2", "q9", "m6"],
        "chromosome": ["1", "2", "2"],
        "cm": [1.0, 0.5, 9.0],
        "trait": ["fat", "fat", "lean"],
    }
)


def features(selected, trait="fat", loadings=()):
    """One run's table with the given markers and loadings selected."""
    names = [*MAP["snp"], "loading_1", "loading_2"]
    return pd.DataFrame(
        {
            "dataset": "d",
            "setting": "markers_pedigree",
            "method": "brr",
            "repeat": 1,
            "fold": 1,
            "trait": trait,
            "feature": names,
            "kind": ["marker"] * 6 + ["loading"] * 2,
            "importance": 0.5,
            "selected": [name in (*selected, *loadings) for name in names],
        }
    )


def rates(selected, window=0.6, **more):
    scores = score_selection(features(selected, **more), TrueQtl(QTL, MAP, window))
    return scores.set_index("metric")["value"]


def test_confusion_rates_by_hand():
    assert confusion_rates(hits=3, selected=4, found=2, true=8) == pytest.approx(
        {"precision": 0.75, "recall": 0.25, "fdr": 0.25, "f1": 0.375}
    )


def test_counts_add_up_and_leave_loadings_out_of_the_rates():
    got = rates(["m2", "m5"], loadings=["loading_1"])
    assert got["n_selected"] == 3
    assert got["n_selected_markers"] == 2
    assert got["n_selected_loadings"] == 1
    assert got["precision"] == 0.5


def test_exact_and_window_rates_by_hand():
    # m2 is a QTL; m4 and m5 lie 0.5 cM from q9; m3 is 4 cM from m2
    got = rates(["m2", "m3", "m4", "m5"])
    assert got["precision"] == pytest.approx(1 / 4)
    assert got["recall"] == 1.0  # of the one QTL that is on the panel
    assert got["precision_window"] == pytest.approx(3 / 4)
    assert got["fdr_window"] == pytest.approx(1 / 4)
    assert got["recall_window"] == 1.0
    assert got["f1_window"] == pytest.approx(2 * 0.75 / 1.75)


def test_a_window_ends_with_the_chromosome():
    # m1 (chromosome 1, 0 cM) lies within 0.6 cM of q9's position, but q9 is on 2
    assert rates(["m1"])["precision_window"] == 0.0
    assert rates(["m1"], window=1.0)["precision_window"] == 1.0  # m2 is near


def test_qtl_of_another_trait_do_not_count():
    got = rates(["m6"], trait="fat", window=0.1)
    assert got["precision"] == got["precision_window"] == 0.0
    assert rates(["m6"], trait="lean")["precision"] == 1.0


def test_nothing_selected_has_no_false_discovery_and_no_precision():
    got = rates([])
    assert got["fdr"] == got["recall"] == got["f1"] == got["n_selected"] == 0
    assert np.isnan(got["precision"])


def test_tagged_variance_weighs_qtl_by_their_share():
    shares = QTL.assign(variance_share=[0.9, 0.1, 1.0])
    for selected, expected in ((["m2"], 0.9), (["m4"], 0.1), (["m2", "m4"], 1.0)):
        scores = score_selection(features(selected), TrueQtl(shares, MAP, 0.6))
        got = scores.set_index("metric")["value"]["variance_window"]
        assert got == pytest.approx(expected)


def test_window_of_zero_equals_exact_for_qtl_on_the_panel():
    on_panel = QTL[QTL["snp"] != "q9"]
    table = features(["m2", "m3"])
    got = score_selection(table, TrueQtl(on_panel, MAP, 0.0)).set_index("metric")
    for name in ("precision", "recall", "fdr", "f1"):
        assert got.loc[name, "value"] == got.loc[f"{name}_window", "value"]


def test_rates_without_truth_are_left_out():
    names = set(score_selection(features(["m2"]))["metric"])
    assert names == {"n_selected", "n_selected_markers", "n_selected_loadings"}


def test_stability_limits():
    same = np.tile(np.arange(50) < 10, (6, 1))
    assert stability(same) == pytest.approx((1.0, 1.0, 1.0))
    # two complementary halves disagree about every feature
    opposite = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    assert stability(opposite)[0] == pytest.approx(-1.0)
    for empty in (np.zeros((5, 20)), np.ones((5, 20)), same[:1]):
        assert np.isnan(stability(empty)).all()


def test_stability_of_equal_sizes_is_the_mean_corrected_overlap():
    # for sets of one size k it is the mean over pairs of (r - k^2/d) / (k - k^2/d)
    rng = np.random.default_rng(0)
    runs, d, k = 7, 40, 12
    Z = np.zeros((runs, d), bool)
    for row in Z:
        row[rng.choice(d, k, replace=False)] = True
    overlaps = [
        (np.sum(Z[i] & Z[j]) - k * k / d) / (k - k * k / d)
        for i in range(runs)
        for j in range(i)
    ]
    assert stability(Z)[0] == pytest.approx(np.mean(overlaps), abs=1e-12)


def test_random_selections_have_stability_zero_on_average():
    rng = np.random.default_rng(1)
    values = [stability(rng.random((5, 300)) < 0.2)[0] for _ in range(200)]
    # the SD of one value is about 0.02
    assert np.mean(values) == pytest.approx(0.0, abs=0.005)


def test_stability_interval_covers():
    # half of the features are selected always or never, the others at random: the
    # population's index is 1 - mean p(1-p) / (share (1 - share)) = 1 - 0.125 / 0.25
    rng = np.random.default_rng(2)
    p = np.repeat([1.0, 0.0, 0.5], [50, 50, 100])
    covered = []
    for _ in range(300):
        _, lower, upper = stability(rng.random((60, 200)) < p)
        covered.append(lower <= 0.5 <= upper)
    # binomial SD is 0.013; the asymptotic interval is slightly short at 60 runs
    assert 0.88 <= np.mean(covered) <= 0.99


def test_stability_scores_pair_features_by_name():
    first = features(["m1", "m2"])
    second = features(["m1", "m2"]).sample(frac=1, random_state=3).assign(fold=2)
    table = stability_scores(pd.concat([first, second]))
    assert table["stability"].tolist() == [pytest.approx(1.0)]
    assert table["n_runs"].tolist() == [2]


def test_bayesian_fdr_by_hand():
    # means of 1 - PIP over the best 1, 2, 3, 4: 0, 0.02, 0.047, 0.135
    pip = np.array([0.6, 1.0, 0.96, 0.9])
    assert bayesian_fdr(pip).tolist() == [False, True, True, True]
    assert bayesian_fdr(pip, level=0.02).tolist() == [False, True, True, False]
    assert not bayesian_fdr(np.full(4, 0.9)).any()
    assert bayesian_fdr(np.ones(4)).all()
    assert bayesian_fdr(np.zeros(0)).shape == (0,)


def test_bayesian_fdr_takes_ties_together():
    # the best two alone would pass (0.05), but the third is their equal
    pip = np.array([1.0, 0.9, 0.9])
    assert bayesian_fdr(pip, level=0.055).tolist() == [True, False, False]
    assert bayesian_fdr(pip, level=0.07).all()


def test_bayesian_fdr_controls_calibrated_probabilities():
    """Where PIP are true probabilities, the mean false discovery share is the level."""
    rng = np.random.default_rng(4)
    shares = []
    for _ in range(300):
        pip = rng.beta(0.3, 0.3, 400)
        chosen = bayesian_fdr(pip, 0.1)
        shares.append(1 - np.mean(rng.random(chosen.sum()) < pip[chosen]))
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)


def test_rules_are_the_own_one_and_those_by_pip():
    plain = features(["m1"])
    assert [rule for rule, _ in by_rule(plain)] == ["own"]
    pip = [0.99, 0.98, 0.6, 0.0, 0.0, 0.0, 0.5, 0.1]
    second = features(["m1"]).assign(fold=2, pip=0.0)
    rules = dict(by_rule(pd.concat([plain.assign(pip=pip), second])))
    assert list(rules) == ["own", "pip", "bfdr"]

    def chosen(rule, fold):
        table = rules[rule]
        run = table[table["fold"] == fold]
        return set(run.loc[run["selected"], "feature"])

    assert chosen("own", 1) == {"m1"}
    assert chosen("pip", 1) == {"m1", "m2", "m3", "loading_1"}
    assert chosen("bfdr", 1) == {"m1", "m2"}
    assert chosen("pip", 2) == chosen("bfdr", 2) == set()


def test_the_papers_raw_rule_is_a_rule_of_its_own():
    raw = np.arange(8) == 3
    rules = dict(by_rule(features(["m1"]).assign(selected_raw=raw)))
    assert list(rules) == ["own", "raw"]
    assert rules["raw"]["selected"].tolist() == raw.tolist()
    assert rules["own"].loc[rules["own"]["selected"], "feature"].tolist() == ["m1"]
