"""What docs/ shows runs, and leads where it says."""

import re
import subprocess
import sys

import numpy as np
import pytest

from tests.unit.toy_tasks import make_population, make_tasks


@pytest.fixture
def ridge(root):
    """The example of docs/adding-a-method.md as a module's names."""
    text = (root / "docs/adding-a-method.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    names = {}
    exec(compile(code, "adding-a-method.md", "exec"), names)
    return names


def test_the_example_method_keeps_the_contract_and_predicts(ridge):
    genotypes, loadings, Y = make_population(np.random.default_rng(4))
    Y[::7, 1] = np.nan
    tasks = make_tasks(genotypes, loadings, Y, method="ridge")
    fits = ridge["fit"](tasks, {"penalty": 30.0}, 1)
    for trait in range(2):
        predicted = np.concatenate([fit.predicted[:, trait] for fit in fits])
        observed = np.concatenate([Y[task.test, trait] for task in tasks])
        there = np.isfinite(observed)
        # heritability is 0.6 and families are spread over the folds
        assert np.corrcoef(predicted[there], observed[there])[0, 1] > 0.2
    for task, fit in zip(tasks, fits, strict=True):
        assert fit.importance.shape == fit.selected.shape == (task.n_features, 2)
        np.testing.assert_allclose(fit.importance.max(axis=0), 1.0)


def test_the_example_solves_the_ridge_equations(ridge):
    task = make_tasks(*make_population(np.random.default_rng(5)), method="ridge")[0]
    (fit,) = ridge["fit"]([task], {"penalty": 2.0}, 1)
    X = np.hstack([task.genotypes, task.loadings]).astype(float)
    X -= X[task.train].mean(axis=0)
    train = X[task.train]
    left = train.T @ train + 2.0 * np.eye(task.n_features)
    effects = np.linalg.solve(left, train.T @ task.Y[task.train])
    np.testing.assert_allclose(fit.predicted, X[task.test] @ effects, atol=1e-8)


def test_generated_parts_are_up_to_date(root):
    command = [sys.executable, root / "scripts/write_docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_link_between_pages_leads_to_a_file_and_heading(root):
    pages = [root / "README.md", root / "config/README.md", *root.glob("docs/*.md")]
    n_links = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            path, _, heading = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{page.name}: {target}"
            if heading:
                assert heading in headings(file), f"{page.name}: {target}"
            n_links += 1
    assert n_links > 10


def headings(page):
    """Anchors of a page's headings as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}
