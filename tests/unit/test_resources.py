import pandas as pd
import pytest
from grvsnn.tables.resources import cost_frame, resources_table

HEAD = (
    "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
)
ROWS = {
    "prepare": "60\t0:01:00\t100.5\t1\t1\t1\t0\t0\t50\t36",
    "first": "120\t0:02:00\t300\t1\t1\t1\t0\t0\t50\t1800",
    "second": "600\t0:10:00\t200\t1\t1\t1\t0\t0\t50\t3600",
    # too short to be sampled
    "short": "0.1\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\t0",
    "dashes": "0.1\t0:00:00\t-\t-\t-\t-\t-\t-\t-\t0.0",
}
LABELS = [
    ("mouse", "prepare"),
    ("mouse", "grvsnn"),
    ("mouse", "grvsnn"),
    ("pig", "mean"),
    ("pig", "mean"),
]


@pytest.fixture
def costs(tmp_path):
    paths = []
    for name, row in ROWS.items():
        path = tmp_path / f"{name}.tsv"
        path.write_text(f"{HEAD}\n{row}\n")
        paths.append(path)
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
    assert pd.isna(rows.loc[("pig", "mean"), "peak_memory_mb"])


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
