import pytest
from grvsnn.base.usage import Usage, write_usage
from grvsnn.report.tables.resources import cost_frame, resources_table

USED = [
    Usage(60, 36, 100.5),
    Usage(120, 1800, 300),
    Usage(600, 3600, 200),
    Usage(0.1, 0.0, 70),
    Usage(0.2, 0.1, 60),
]
LABELS = [
    ("mouse", "prepare"),
    ("mouse", "grvsnn"),
    ("mouse", "grvsnn"),
    ("pig", "mean"),
    ("pig", "mean"),
]


@pytest.fixture
def costs(tmp_path):
    paths = [tmp_path / f"{number}.json" for number in range(len(USED))]
    for used, path in zip(USED, paths, strict=True):
        write_usage(used, path)
    on_card, on_cpu = [{"device": "cuda:0"}], [{"device": "cpu"}]
    fits = [
        {"dataset": "mouse", "method": "grvsnn", "seconds": 1800, "folds": on_card},
        {"dataset": "mouse", "method": "grvsnn", "seconds": 900, "folds": on_cpu},
        {"dataset": "pig", "method": "mean", "seconds": 5, "folds": [{}]},
    ]
    return cost_frame(LABELS, paths, fits)


def test_jobs_are_summed_by_dataset_and_stage(costs):
    rows = costs.set_index(["dataset", "stage"])
    assert rows.loc[("mouse", "grvsnn")].to_dict() == {
        "jobs": 2,
        "peak_memory_mb": 300,
        "longest_minutes": 10,
        "cpu_hours": 1.5,
        # one of the fits ran on the CPU
        "gpu_hours": 0.5,
    }
    assert rows.loc[("mouse", "prepare"), "cpu_hours"] == pytest.approx(0.01)
    assert rows.loc[("pig", "mean"), "jobs"] == 2
    assert rows.loc[("pig", "mean"), "peak_memory_mb"] == 70


def test_each_dataset_ends_with_its_whole(costs):
    table = resources_table(costs)
    assert list(table.cells.index) == [
        ("Mouse", "Data"),
        ("Mouse", "GRVSNN"),
        ("Mouse", "All of these"),
        ("Pig", "Training mean"),
        ("Pig", "All of these"),
    ]
    whole = table.cells.loc[("Mouse", "All of these")]
    assert list(whole) == ["3", "300", "10.0", "1.51", "0.50"]
