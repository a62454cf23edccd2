"""What a script runs: this project's files and others' packages, by its imports.

Rules take a hash of the files as a parameter, so that an edit runs a job again; tests
hold the packages to the rule's environment. Only the standard library is used, since
the workflow reads this module while it is parsed.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "grvsnn"
# files that code names instead of importing them
NAMED = re.compile(r'"([\w/]+\.(?:c|R|yaml))"')


def code_of(scripts: Path, *roots: str) -> list[Path]:
    """Files that some scripts or modules run, themselves included.

    Imports are followed wherever they stand, in functions too; modules that are
    imported by a computed name have to be among the roots.

    Parameters
    ----------
    scripts : path
        The folder of the scripts, with the package in it.
    *roots : str
        Relative to `scripts`.

    Returns
    -------
    list of path
        Sorted; the package's Python files, C kernels and R functions.

    Raises
    ------
    FileNotFoundError
        For a root that is not there.
    """
    found: set[Path] = set()
    waiting = [scripts / root for root in roots]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _next_files(path, scripts)
    return sorted(found)


def hash_code(scripts: Path, *roots: str) -> str:
    """Hash the names and contents of what `code_of` finds, comments left out."""
    digest = hashlib.sha256()
    for path in code_of(scripts, *roots):
        digest.update(path.relative_to(scripts.parent).as_posix().encode())
        digest.update(_hash_file(path))
    return digest.hexdigest()[:16]


@functools.cache
def _hash_file(path: Path) -> bytes:
    """Hash a file; of Python its syntax tree, which comments do not change."""
    code = path.read_bytes()
    if path.suffix == ".py":
        tree = ast.parse(code, str(path))
        for node in ast.walk(tree):
            _drop_docstring(node)
        code = ast.dump(tree).encode()
    return hashlib.sha256(code).digest()


def _drop_docstring(node: ast.AST) -> None:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        match node.body:
            case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                node.body = rest


def packages_of(files: Iterable[Path]) -> set[str]:
    """Top-level names that files import, of the standard library or others' packages.

    Imports that a failure is foreseen for (``try``) are left out: they are options.
    """
    found = set()
    for path in files:
        if path.suffix == ".py":
            modules = _imports_of(path)
            found |= {name.partition(".")[0] for name, tried in modules if not tried}
    return found - {PACKAGE}


@functools.cache
def _next_files(path: Path, scripts: Path) -> frozenset[Path]:
    """Files that one file imports or names; those of other packages are not there."""
    if path.suffix != ".py":
        return frozenset()
    package = scripts / PACKAGE
    found = [
        folder / name
        for name in NAMED.findall(path.read_text(encoding="utf-8"))
        for folder in (package, scripts.parent / "R")
    ]
    for module, _ in _imports_of(path):
        if module.partition(".")[0] == PACKAGE:
            found += _files_of_module(module, scripts)
    return frozenset(file for file in found if file.is_file())


def _files_of_module(module: str, scripts: Path) -> Iterator[Path]:
    """Yield where a module and the packages above it may lie."""
    path = scripts
    for part in module.split("."):
        path = path / part
        yield path / "__init__.py"
        yield path.with_name(f"{part}.py")


@functools.cache
def _imports_of(path: Path) -> frozenset[tuple[str, bool]]:
    """Return the modules that a file imports, each with whether it is only tried.

    ``from a import b`` counts as ``a.b``, since b may be a module.
    """
    found = set()
    tree = ast.parse(path.read_bytes(), str(path))
    for node, tried in _statements(tree, tried=False):
        if isinstance(node, ast.Import):
            found |= {(alias.name, tried) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {(f"{node.module}.{alias.name}", tried) for alias in node.names}
    return frozenset(found)


def _statements(node: ast.AST, tried: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield all statements but those for type checkers, and whether in a ``try``."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    yield node, tried
    for block in ("body", "orelse", "handlers", "finalbody"):
        for child in getattr(node, block, ()):
            yield from _statements(child, tried or isinstance(node, ast.Try))
