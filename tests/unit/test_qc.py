"""Checks and filters of genotypes, on hand-made faults and against closed forms."""

import itertools

import numpy as np
import pandas as pd
import pytest
import yaml
from grvsnn.base.errors import InputError
from grvsnn.datasets.filters import count_removed, examine, filter_dataset
from grvsnn.datasets.mouse import prepare_mouse
from grvsnn.datasets.pine import prepare_pine
from grvsnn.datasets.prepared import PreparedDataset
from grvsnn.genotypes.checks import CHECKS, Limits, heterozygosity_range, run_checks
from grvsnn.genotypes.counts import count_genotypes, hardy_weinberg_p
from grvsnn.genotypes.duplicates import find_twin_markers, find_twins
from grvsnn.genotypes.mendel import (
    count_conflicts,
    expected_conflicts,
    genotyped_families,
)
from grvsnn.genotypes.mirrored_alleles import (
    allele_scores,
    is_ambiguous,
    mirrored_in_batch,
)
from grvsnn.pedigree.pedigree import Pedigree
from grvsnn.report.tables.qc import qc_table

N_FOUNDERS, N_OFFSPRING, N_MARKERS = 40, 60, 400
NAMES = [f"m{j}" for j in range(N_MARKERS)]


def marker_map(names):
    return pd.DataFrame(
        {"chromosome": "1", "snp": names, "cm": 0.0, "position": range(len(names))}
    ).assign(a1="A", a2="C")


def as_dataset(dosages, ids, names, pedigree=None, **covariates):
    phenotypes = pd.DataFrame({"sample_id": ids, "y": np.arange(len(ids)) * 1.0})
    covariates = pd.DataFrame({"sample_id": ids, **covariates})
    return PreparedDataset(dosages, marker_map(names), phenotypes, covariates, pedigree)


@pytest.fixture(scope="module")
def sound():
    """Genotyped founders and offspring, without a fault: dosages, ids, pedigree."""
    rng = np.random.default_rng(5)
    # every marker far enough from both a monomorphic one and an even one
    p = np.where(np.arange(N_MARKERS) % 2, 0.2, 0.7)
    founders = rng.binomial(2, p, (N_FOUNDERS, N_MARKERS))
    sires = rng.integers(0, N_FOUNDERS // 2, N_OFFSPRING)
    dams = rng.integers(N_FOUNDERS // 2, N_FOUNDERS, N_OFFSPRING)
    gametes = [rng.binomial(1, founders[rows] / 2) for rows in (sires, dams)]
    dosages = np.vstack([founders, sum(gametes)]).astype(np.int8)
    ids = np.array([f"a{i:03d}" for i in range(N_FOUNDERS + N_OFFSPRING)])
    parents = ["0"] * N_FOUNDERS
    pedigree = pd.DataFrame(
        {"id": ids, "sire": [*parents, *ids[sires]], "dam": [*parents, *ids[dams]]}
    )
    return dosages, ids, pedigree


@pytest.fixture(scope="module")
def faulty(sound):
    """Plant one fault of each kind, where no other check looks."""
    dosages, ids, pedigree = sound[0].copy(), sound[1], sound[2].copy()
    unrelated = N_FOUNDERS - 1
    pedigree = pedigree[pedigree["dam"] != ids[unrelated]]
    pedigree = pedigree[pedigree["sire"] != ids[1]].reset_index(drop=True)
    dosages[50] = dosages[45]
    pedigree.loc[pedigree["id"] == ids[50], ["sire", "dam"]] = "0"
    dosages[50, 7] = 2 - dosages[50, 7] if dosages[50, 7] != 1 else 0
    dosages[unrelated] = 2 - dosages[unrelated]
    last = pedigree["id"].iloc[-1]
    sire = pedigree["sire"].iloc[-1]
    wrong = next(i for i in ids[2:20] if i != sire)
    pedigree.loc[pedigree["id"] == last, "sire"] = wrong
    dosages[1, ::5] = -1
    dosages[:30, 11] = -1
    dosages[:, 12] = 2
    dosages[:, 13] = 0
    dosages[3, 13] = 1
    dosages[:, 15] = dosages[:, 14]
    dosages[:, 16] = np.where(dosages[:, 14] < 0, -1, 2 - dosages[:, 14])
    data = as_dataset(dosages, ids, NAMES, pedigree)
    names = {"twins": (ids[45], ids[50]), "mirrored": ids[unrelated]}
    names |= {"few calls": ids[1], "child": last, "wrong sire": wrong}
    return data, names


LIMITS = {"max_mendel_pair": 0.02, "max_mendel_trio": 0.04, "min_hwe_p": 1e-6}


def check(data, settings=LIMITS):
    summary, flagged = run_checks(examine(data, settings), Limits(**settings))
    counts = summary.set_index("check")["n_flagged"]
    return counts, flagged.set_index("check")


def test_a_sound_herd_is_not_flagged(sound):
    dosages, ids, pedigree = sound
    counts, _ = check(as_dataset(dosages, ids, NAMES, pedigree), {})
    assert counts.sum() == 0


def test_every_planted_fault_is_counted_and_named(faulty):
    data, names = faulty
    counts, flagged = check(data)
    expected = {
        "marker_call_rate": ["m11"],
        "sample_call_rate": [names["few calls"]],
        "mirrored_samples": [names["mirrored"]],
        "duplicate_samples": [names["twins"][1]],
        "mendel_pairs": [names["child"]],
        "mendel_trios": [names["child"]],
        "monomorphic": ["m12"],
        "maf": ["m13"],
        "duplicate_markers": ["m15", "m16"],
    }
    found = {name: list(part["name"]) for name, part in flagged.groupby(level=0)}
    assert found == expected
    assert counts[counts > 0].to_dict() == {k: len(v) for k, v in expected.items()}
    twin = flagged.loc["duplicate_samples"]
    assert twin["other"] == names["twins"][0]
    polymorphic = N_MARKERS - 1
    assert twin["value"] == pytest.approx(1 - 1 / polymorphic)
    parent = flagged.loc["mendel_pairs"]
    assert (parent["other"], parent["detail"]) == (names["wrong sire"], "sire")
    mirrored = flagged.loc["duplicate_markers"]["detail"]
    assert list(mirrored) == ["", "alleles the other way round"]


def test_flags_do_not_depend_on_the_order_of_animals_and_markers(faulty):
    data, _ = faulty
    rng = np.random.default_rng(2)
    rows, columns = rng.permutation(len(data.dosages)), rng.permutation(N_MARKERS)
    # of twin markers the first one stands for all: keep their order
    columns[np.isin(columns, [14, 15, 16])] = [14, 15, 16]
    turned = as_dataset(
        data.dosages[rows][:, columns],
        data.sample_ids[rows],
        np.array(NAMES)[columns],
        data.pedigree.sample(frac=1, random_state=1),
    )
    tables = []
    for dataset in (data, turned):
        table = check(dataset)[1].reset_index()
        table["value"] = table["value"].astype(float)
        tables.append(table.sort_values(["check", "name"], ignore_index=True))
    pd.testing.assert_frame_equal(*tables, rtol=1e-5)


def test_filters_take_out_what_is_flagged_and_count_it(faulty):
    data, names = faulty
    kept = PreparedDataset(**vars(data) | {"steps": []})
    kept.count("read")
    checks = [check.name for check in CHECKS if check.subject != "trio"]
    settings = {**LIMITS, "drop": checks}
    filter_dataset(kept, settings, {})
    gone = {names["few calls"], names["mirrored"], names["twins"][1]}
    assert set(data.sample_ids) - set(kept.sample_ids) == gone
    markers = set(NAMES) - set(kept.marker_map["snp"])
    assert markers == {"m11", "m12", "m13", "m15", "m16"}
    assert kept.dosages.shape == (len(kept.sample_ids), len(kept.marker_map))
    child = kept.pedigree.set_index("id").loc[names["child"]]
    assert child["sire"] == "0" and child["dam"] != "0"
    assert len(kept.pedigree) == len(data.pedigree)
    removed = count_removed(kept.steps)
    assert removed["mendel_pairs"] == 1 and removed["duplicate_markers"] == 2
    assert sum(removed.values()) == 3 + 5 + 1
    assert [step["step"] for step in kept.steps[1:]] == [f"qc: {n}" for n in checks]
    assert check(kept)[0].sum() == 0
    assert kept.phenotypes["sample_id"].equals(kept.covariates["sample_id"])


def test_without_drop_a_dataset_is_left_alone(faulty):
    data, _ = faulty
    before = data.dosages.copy(), list(data.steps), data.pedigree.copy()
    filter_dataset(data, {"min_maf": 0.4}, {})
    filter_dataset(data, {"drop": []}, {})
    np.testing.assert_array_equal(data.dosages, before[0])
    assert data.steps == before[1] and data.pedigree.equals(before[2])


def test_filters_that_leave_nothing_are_refused(sound):
    data = as_dataset(*sound[:2], NAMES)
    settings = {"drop": ["maf"], "min_maf": 0.5}
    with pytest.raises(InputError, match="'maf' leaves no marker"):
        filter_dataset(data, settings, {})


def test_counts_by_hand():
    X = np.array([[0, 2, -1, 2], [1, 2, -1, -1], [2, 2, -1, 1]], np.int8)
    by_marker, by_animal = count_genotypes(X)
    np.testing.assert_allclose(by_marker.maf, [0.5, 0, np.nan, 0.25])
    np.testing.assert_allclose(by_marker.call_rate, [1, 1, 0, 2 / 3])
    np.testing.assert_allclose(by_marker.heterozygosity, [1 / 3, 0, np.nan, 0.5])
    np.testing.assert_allclose(by_animal.call_rate, [0.75, 0.5, 0.75])
    np.testing.assert_allclose(by_animal.heterozygosity, [0, 0.5, 1 / 3])


def test_hardy_weinberg_p_is_the_enumerated_one():
    """Two alleles shuffled over the animals in every way, 2 n = 8."""
    n = 4
    for copies in range(2 * n + 1):
        ways = np.zeros(n + 1)
        for chosen in itertools.combinations(range(2 * n), copies):
            animals = np.bincount(np.array(chosen, int) // 2, minlength=n)
            ways[(animals == 1).sum()] += 1
        for hets in np.flatnonzero(ways):
            homozygous = (copies - hets) // 2
            calls = np.array([[n - hets - homozygous], [hets], [homozygous]])
            expected = ways[ways <= ways[hets]].sum() / ways.sum()
            assert hardy_weinberg_p(calls)[0] == pytest.approx(expected)


def test_hardy_weinberg_p_is_at_most_uniform():
    rng = np.random.default_rng(1)
    genotypes = rng.binomial(2, rng.uniform(0.1, 0.5, 4000), (200, 4000))
    p = hardy_weinberg_p(count_genotypes(genotypes.astype(np.int8))[0].calls)
    for level in (0.01, 0.05, 0.2):
        # four standard errors of the share of 4,000
        assert (p <= level).mean() < level + 4 * np.sqrt(level * (1 - level) / 4000)
    assert (p <= 0.2).mean() > 0.1


def test_mendel_by_hand():
    """Offspring, sire and dam of all 27 kinds against Mendel's table."""
    possible = {(0, 0): {0}, (0, 1): {0, 1}, (0, 2): {1}, (1, 1): {0, 1, 2}}
    possible |= {(1, 2): {1, 2}, (2, 2): {2}}
    kinds = np.array(list(itertools.product(range(3), repeat=3)), np.int8)
    trio, pair = (count_conflicts(kinds.T, [0], *rows) for rows in ([[1], [2]], [[1]]))
    expected = [c not in possible[tuple(sorted((s, d)))] for c, s, d in kinds.tolist()]
    np.testing.assert_array_equal(trio.marker_conflicts, expected)
    np.testing.assert_array_equal(
        pair.marker_conflicts, np.abs(kinds[:, 0] - kinds[:, 1]) == 2
    )
    assert trio.tested == [27] and trio.conflicts == [sum(expected)]


def test_missing_calls_are_no_conflicts():
    calls = np.array([[0, -1, 0, 2], [2, 2, -1, 0], [0, 0, 0, -1]], np.int8)
    assert count_conflicts(calls, [0], [1]).tested == [2]
    assert count_conflicts(calls, [0], [1], [2]).tested == [1]


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5])
def test_expected_conflicts_are_the_enumerated_ones(p):
    kinds = np.array(list(itertools.product(range(3), repeat=3)), np.int8)
    weight = np.array([(1 - p) ** 2, 2 * p * (1 - p), p**2])[kinds].prod(axis=1)
    for n_parents, parents in ((1, ([1],)), (2, ([1], [2]))):
        conflicts = count_conflicts(kinds.T, [0], *parents).marker_conflicts
        expected = expected_conflicts(np.array([p]), n_parents)[0]
        assert weight @ conflicts == pytest.approx(expected)


def test_random_pairs_conflict_as_often_as_expected():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, 2000)
    dosages = rng.binomial(2, p, (300, 2000)).astype(np.int8)
    data = as_dataset(dosages, [f"a{i}" for i in range(300)], [*map(str, range(2000))])
    pairs = examine(data, {}).pair_frame()
    assert set(pairs["kind"]) == {"random"} and len(pairs) == 1000
    # pairs share animals; a rate's SD is about 0.006, their mean's below 0.001
    expected = expected_conflicts(p, 1).mean()
    assert pairs["rate"].mean() == pytest.approx(expected, abs=0.003)


def test_families_are_those_with_a_genotyped_parent():
    frame = pd.DataFrame(
        [["c", "s", "d"], ["e", "x", "d"], ["f", "x", "0"], ["x", "0", "0"]],
        columns=["id", "sire", "dam"],
    )
    ids = np.array(["d", "c", "s", "f", "e"])
    families = genotyped_families(Pedigree.from_frame(frame), ids)
    assert families.to_numpy().tolist() == [[1, 2, 0], [4, -1, 0]]


def test_twins_are_found_over_gaps_and_not_missed_by_the_first_look():
    rng = np.random.default_rng(4)
    X = rng.binomial(2, 0.4, (60, 5000)).astype(np.int8)
    changed = rng.choice(5000, 45, replace=False)
    X[20] = X[10]
    X[20, changed] = (X[20, changed] + 1) % 3
    X[10, 1000:2000] = -1
    pairs, nearest = find_twins(X, 0.98, np.random.default_rng(0))
    assert pairs[["first", "second"]].to_numpy().tolist() == [[10, 20]]
    called = np.r_[:1000, 2000:5000]
    expected = 1 - np.isin(changed, called).sum() / len(called)
    assert pairs["concordance"][0] == pytest.approx(expected)
    assert (nearest[[10, 20]] > 0.96).all()
    assert np.delete(nearest, [10, 20]).max() < 0.6


def test_twin_markers_of_all_kinds():
    column = np.array([2, 0, 1, -1, 2, 0], np.int8)
    X = np.column_stack(
        [
            column,
            np.where(column < 0, -1, 2 - column),
            np.where(column < 0, 0, column),
            np.full(6, 2),
            np.zeros(6),
            np.ones(6),
            np.ones(6),
            column,
        ]
    ).astype(np.int8)
    found = find_twin_markers(X).to_numpy().tolist()
    assert found == [[1, 0, True], [6, 5, False], [7, 0, False]]


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_a_mirrored_batch_of_animals_is_found(share):
    rng = np.random.default_rng(6)
    X = rng.binomial(2, rng.uniform(0.05, 0.95, 500), (200, 500)).astype(np.int8)
    X[rng.random(X.shape) < 0.05] = -1
    mirrored = np.arange(200) < share * 200
    X[mirrored] = np.where(X[mirrored] < 0, -1, 2 - X[mirrored])
    scores = allele_scores(X)
    np.testing.assert_allclose(scores, np.where(mirrored, -1, 1), atol=0.35)


def test_allele_scores_do_not_speak_where_frequencies_are_even():
    rng = np.random.default_rng(7)
    cross = rng.binomial(2, 0.5, (400, 200)).astype(np.int8)
    assert np.isnan(allele_scores(cross)).all()


def test_markers_mirrored_in_one_batch():
    rng = np.random.default_rng(8)
    n_markers, mirrored = 600, [3, 40, 41]
    p = rng.uniform(0.05, 0.35, n_markers)
    p[mirrored] = 0.1, 0.15, 0.2
    # batches from different families: their frequencies differ at every marker
    batches = np.repeat(["old", "new", "few"], [150, 120, 10])
    drift = {
        name: np.clip(rng.normal(p, 0.03), 0.01, 0.99) for name in ("old", "new", "few")
    }
    X = np.stack([rng.binomial(2, drift[name]) for name in batches]).astype(np.int8)
    new = np.flatnonzero(batches == "new")
    X[np.ix_(new, mirrored)] = 2 - X[np.ix_(new, mirrored)]
    found = mirrored_in_batch(X, batches, 5.0)
    assert list(found["marker"]) == mirrored
    assert set(found["batch"]) == {"new"}
    assert len(mirrored_in_batch(X, np.full(280, "one"), 5.0)) == 0


def test_ambiguous_alleles():
    table = pd.DataFrame({"a1": list("ATCgAC"), "a2": list("TAGcCA")})
    assert is_ambiguous(table).tolist() == [True] * 4 + [False] * 2


def test_sex_chromosomes_are_left_out_of_pedigree_checks(sound):
    dosages, ids, pedigree = sound
    data = as_dataset(dosages.copy(), ids, NAMES, pedigree)
    data.marker_map["chromosome"] = np.where(np.arange(N_MARKERS) < 40, "chrX", "2")
    data.dosages[:, :40] = np.where(data.dosages[:, :40] > 0, 2, 0)
    counts, _ = check(data, {})
    assert counts[["mendel_pairs", "mendel_markers", "hwe"]].sum() == 0


def test_heterozygosity_range_is_robust():
    values = np.r_[np.linspace(0.28, 0.32, 99), 0.9, np.nan]
    low, high = heterozygosity_range(values, 5)
    assert 0.2 < low < 0.28 and 0.32 < high < 0.4
    assert heterozygosity_range(np.full(5, 0.3), 5) == (-np.inf, np.inf)


def test_the_schema_has_the_limits_defaults_and_every_filter(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    keys = schema["properties"]["qc"]["properties"]
    filters = [check.name for check in CHECKS if check.subject != "trio"]
    assert keys.pop("drop")["items"]["enum"] == filters
    keys.pop("batch")
    assert {name: key["default"] for name, key in keys.items()} == vars(Limits())
    text = (root / "config/README.md").read_text()
    assert all(f"| `{check.name}` |" in text for check in CHECKS)


def test_the_table_prints_every_check(faulty):
    quality = examine(faulty[0], LIMITS)
    checks, _ = run_checks(quality, Limits(**LIMITS))
    removed = {"maf": 7}
    checks["n_removed"] = checks["check"].map(removed).astype("Int64")
    read = {"fractional_dosages_rounded": 1234, "mean_rounding_error": 0.2}
    frames = quality.animal_frame(), quality.marker_frame()
    table = qc_table(checks, *frames, read)
    assert len(table.cells) == len(CHECKS)
    rows = {(head[0], head[1]): list(row) for head, row in table.cells.iterrows()}
    assert rows["Markers", "Rare allele"][:4] == ["< 0.01", "399", "1", "7"]
    assert rows["Parents", "Parent excluded"][3] == "–"
    assert rows["Markers", "Alleles mirrored in a batch"][1:3] == ["not tested", "–"]
    assert "1,234 of the dosages read had fractions, 0.200" in table.note
    assert table.best["Flagged"].sum() == (checks["n_flagged"] > 0).sum()
    assert (table.numbers["check"].sort_values() == sorted(checks["check"])).all()


@pytest.fixture(scope="module")
def registry(root):
    return yaml.safe_load((root / "config/datasets.yaml").read_text())["registry"]


@pytest.mark.mirror
def test_mouse_has_seven_animals_twice(mirror, registry):
    entry = registry["mouse"]
    path = mirror / "mouse" / "mice.RData"
    data = prepare_mouse(path, entry["traits"], [], [])
    quality = examine(data, {})
    assert quality.by_marker.maf.min() > 0.04
    twins = quality.twins
    assert len(twins) == 7 and twins["concordance"].between(0.99, 1).all()
    assert (~quality.is_autosomal).sum() == 272


@pytest.mark.mirror
def test_pine_has_weak_assays_and_no_genotyped_parent(mirror, registry):
    entry, folder = registry["pine_dbh"], mirror / "pine"
    files = [folder / entry["files"][role]["name"] for role in entry["files"]]
    data = prepare_pine(*files, entry["traits"])
    counts, _ = run_checks(examine(data, {}, both_sexes=True), Limits())
    counts = counts.set_index("check")
    assert counts.loc["marker_call_rate", "n_flagged"] == 455
    assert counts.loc["sample_call_rate", "n_flagged"] == 34
    assert counts.loc["monomorphic", "n_flagged"] == 43
    assert counts.loc["mendel_pairs", "n_tested"] == 0
