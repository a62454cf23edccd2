from pathlib import Path

import pytest
from grvsnn.run.code_hash import code_of, packages_of


@pytest.fixture
def scripts(tmp_path):
    """A project of its own: script -> a -> b -> kernel.c, with an island."""
    files = {
        "run.py": "import numpy\nfrom grvsnn.part.a import x\n",
        "grvsnn/__init__.py": "",
        "grvsnn/part/__init__.py": "",
        "grvsnn/part/a.py": "def x():\n    from grvsnn import b\n",
        "grvsnn/b.py": 'import scipy.linalg\nload("kernel.c")\nload("other.R")\n',
        "grvsnn/kernel.c": "",
        "grvsnn/island.py": "import torch\n",
        "../R/other.R": "",
    }
    for name, text in files.items():
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "scripts"


def test_imports_are_followed_to_kernels_and_r_functions(scripts):
    found = {path.name for path in code_of(scripts, "run.py")}
    assert found == {"run.py", "__init__.py", "a.py", "b.py", "kernel.c", "other.R"}


def test_a_module_imported_by_a_computed_name_can_be_a_root(scripts):
    files = code_of(scripts, "run.py", "grvsnn/island.py")
    assert packages_of(files) == {"numpy", "scipy", "torch"}


def test_options_and_type_checks_are_no_requirements(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        "try:\n    import fast\nexcept ImportError:\n    fast = None\n"
        "if TYPE_CHECKING:\n    import typed\n"
        "def f():\n    import late\n"
    )
    assert packages_of([path]) == {"late"}


def test_a_root_that_is_not_there_is_an_error(scripts):
    with pytest.raises(FileNotFoundError, match="absent"):
        code_of(scripts, Path("absent.py").name)
