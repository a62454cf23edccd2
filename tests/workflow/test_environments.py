"""Each rule's environment and inputs, held to what its code imports."""

import re
import sys

import pytest
import yaml
from grvsnn.base.registry import read_registry
from grvsnn.report.given import find_function
from grvsnn.run.code_hash import code_of, packages_of
from rule_files import last, read_rules

from tests.shipped import METHODS

RESULTS = read_registry("results")

# where a package's name is not the name that is imported
CONDA_NAMES = {
    "torch": "pytorch",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "bed_reader": "bed-reader",
}
LOCK_NAMES = {"pytorch": "torch"}
NOT_IMPORTED = {
    "python": "runs the scripts",
    "pip": "installs what conda does not have",
    "c-compiler": "builds the kernels",
    "r-base": "BGLR",
    "r-bglr": "BGLR",
    "scikit-learn": "lassonet",
    "matplotlib": "lassonet",
    "sortedcontainers": "lassonet",
    "tqdm": "lassonet",
}
# an edit of its code must not download again, nor ask again for a file
WITHOUT_CODE = {"all", "fetch_file"}


@pytest.fixture(scope="module")
def rules(root):
    return {name: body for name, (_, body) in read_rules(root).items()}


@pytest.fixture(scope="module")
def locked(root):
    text = "".join(path.read_text() for path in (root / "envs/locks").glob("*.txt"))
    return dict(re.findall(r"^([\w-]+)==([\w.]+)", text, re.M))


def read_environment(path):
    """Package -> the start of its version; pip's own among them."""
    packages = yaml.safe_load(path.read_text())["dependencies"]
    found = dict(p.split(" =") for p in packages if isinstance(p, str))
    for group in packages:
        if isinstance(group, dict):
            found |= dict(p.split(" ==") for p in group["pip"])
    return found


def roots_of(name, body):
    """Scripts and modules that a rule says it runs; none where it runs another's."""
    if name.startswith("fit_"):
        stack = name.removeprefix("fit_")
        entries = {k: v for k, v in METHODS.items() if v["stack"] == stack}
        modules = {entry.get("module", method) for method, entry in entries.items()}
        return ["fit_method.py", *(f"grvsnn/methods/{m}.py" for m in sorted(modules))]
    if name.removeprefix("write_") in RESULTS["jobs"]:
        of = RESULTS["results"].values()
        named = {r["by"] for r in of if f"write_{r['job']}" == name}
        modules = {by.partition(":")[0].replace(".", "/") for by in named}
        return ["write_results.py", *(f"grvsnn/{module}.py" for module in modules)]
    called = last(r"(?:code=)?hash_code\(([^)]*)\)", body)
    return re.findall(r'"([^"]+)"', called) if called else []


@pytest.fixture(scope="module")
def needed(root, rules):
    """Environment -> packages that its rules' code imports."""
    found = {}
    for name, body in rules.items():
        if name == "all":
            continue
        roots = roots_of(name, body) or [last(r"scripts/(\w+\.py)", body)]
        imported = packages_of(code_of(root / "scripts", *roots))
        names = {CONDA_NAMES.get(p, p) for p in imported - sys.stdlib_module_names}
        found.setdefault(last(r"envs/(\w+\.yaml)", body), set()).update(names)
    return found


def test_every_rule_runs_again_when_its_code_is_edited(rules):
    for name, body in rules.items():
        if name not in WITHOUT_CODE:
            assert "code=" in body, name
            assert roots_of(name, body)[0] == last(r"scripts/(\w+\.py)", body), name


def test_every_method_of_the_registry_has_its_module_and_no_module_is_idle(root):
    named = {entry.get("module", name) for name, entry in METHODS.items()}
    there = {path.stem for path in (root / "scripts/grvsnn/methods").glob("*.py")}
    # bglr is a backend of bayes
    assert named == there - {"__init__", "loading", "bglr"}


def test_every_result_has_its_job_and_its_function():
    results = RESULTS["results"]
    assert {entry["job"] for entry in results.values()} == set(RESULTS["jobs"])
    for key, entry in results.items():
        assert callable(find_function(entry["by"])), key
        assert ("caption" in entry) == key.startswith("tables/"), key


def test_environments_hold_what_is_imported_and_no_more(root, needed):
    assert set(needed) == {path.name for path in (root / "envs").glob("*.yaml")}
    for name, packages in needed.items():
        there = set(read_environment(root / "envs" / name))
        assert packages <= there, f"{name} lacks {sorted(packages - there)}"
        idle = there - packages - set(NOT_IMPORTED)
        assert not idle, f"{name}: nothing imports {sorted(idle)}"


def test_environments_and_lock_files_agree(root, needed, locked):
    for name in needed:
        for package, start in read_environment(root / "envs" / name).items():
            version = locked.get(LOCK_NAMES.get(package, package))
            if version is None:
                assert package in NOT_IMPORTED, f"{package} of {name} is not locked"
            else:
                assert f"{version}.".startswith(f"{start}."), f"{name}: {package}"


def test_every_locked_package_has_hashes(root):
    for path in (root / "envs/locks").glob("*.txt"):
        blocks = re.split(r"\n(?=\S)", path.read_text().strip())[1:]
        assert blocks
        for block in blocks:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
