import os

from fix_times import fix_times


def test_files_from_the_future_come_back_in_their_order(tmp_path):
    times = {"old": 100.0, "raw": 5000.0, "table": 6000.0}
    for name, mtime in times.items():
        path = tmp_path / "results" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (mtime, mtime))
    assert fix_times([tmp_path / "results", tmp_path / "absent"], now=2000.0) == 2
    found = {p.name: p.stat().st_mtime for p in (tmp_path / "results").iterdir()}
    assert found == {"old": 100.0, "raw": 1000.0, "table": 2000.0}
    assert fix_times([tmp_path / "results"], now=2000.0) == 0
