"""The library's rooms import only downwards, and without circles."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def lint(folder):
    """Run import-linter on a copy of the library; returns status and output."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    found = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
    )
    return found.returncode, found.stdout + found.stderr


def test_rooms_keep_their_contracts(root):
    status, text = lint(root)
    assert status == 0, text
    assert "0 broken" in text


def test_an_import_upwards_is_found(root, tmp_path):
    shutil.copytree(root / "scripts/grvsnn", tmp_path / "scripts/grvsnn")
    shutil.copy(root / "pyproject.toml", tmp_path)
    path = tmp_path / "scripts/grvsnn/base/seeds.py"
    path.write_text(path.read_text() + "\nimport grvsnn.run.job\n")
    status, text = lint(tmp_path)
    assert status == 1
    assert "grvsnn.base.seeds -> grvsnn.run.job" in text
