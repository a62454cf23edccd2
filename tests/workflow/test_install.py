"""`pip install .` gives the library with its C kernels."""

import shutil
import subprocess
import sys


def test_pip_install_gives_the_library(root, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    # a copy, since setuptools leaves build files beside pyproject.toml
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(root / "scripts", source / "scripts", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    code = (
        "import grvsnn.base.compiled, grvsnn.methods.mean, pathlib;"
        "print(pathlib.Path(grvsnn.__file__).parent)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert found == str(target / "grvsnn")
    kernels = {path.name for path in (target / "grvsnn").rglob("*.c")}
    assert kernels == {path.name for path in (root / "scripts/grvsnn").rglob("*.c")}
    assert kernels
