"""The example of docs/adding-a-method.md, in a copy of the repository, run."""

import os
import re
import shutil
import subprocess
import sys

import pandas as pd

from tests.quick import CONFIG

WANTED = [
    f"results/tiny/{k}" for k in ("tables/performance.csv", "tables/ablation.csv")
]
PARTS = ("workflow", "config", "envs", "scripts", "R")


def read_example(root):
    """File and entry of the example, as the document has them."""
    text = (root / "docs/adding-a-method.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (entry,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    return code, entry


def test_a_method_is_one_file_and_one_entry(root, tmp_path):
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        shutil.copytree(root / part, copy / part, symlinks=True, ignore=ignored)
    code, entry = read_example(root)
    (copy / "scripts/grvsnn/methods/ridge.py").write_text(code)
    registry = copy / "workflow/methods.yaml"
    registry.write_text(f"{registry.read_text()}\n{entry}")
    config = CONFIG.read_text().replace("brr, grvsnn]", "ridge]")
    config = re.sub(r"^(bayes|grvsnn):\n(?:  .*\n)+", "", config, flags=re.M)
    config += "\nridge: {penalty: 150}\nablations: {ridge-weak: {penalty: 15}}\n"
    (copy / "config/mine.yaml").write_text(config)
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    command += ["-s", "workflow/Snakefile"]
    done = subprocess.run(
        [*command, "--configfile", "config/mine.yaml", "--", *WANTED],
        cwd=copy,
        env=environment_of(copy),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(copy / "results/tiny/tables/performance.csv")
    r = table[table["metric"] == "r"].set_index("method")["mean"]
    # it works about as well as what it is, a mixed model with a given ratio
    assert (r["ridge"].to_numpy() > r["gblup"].to_numpy() - 0.15).all()
    for name, label in (("performance", "Ridge"), ("ablation", "Ridge, weak")):
        assert f">{label}<" in (copy / f"results/tiny/tables/{name}.html").read_text()
    figure = (copy / "results/tiny/figures/ablation.svg").read_text()
    assert "Ridge, weak" in figure


def environment_of(copy):
    """Environment whose library is the copy's, not that of this repository."""
    return {**os.environ, "PYTHONPATH": str(copy / "scripts")}
