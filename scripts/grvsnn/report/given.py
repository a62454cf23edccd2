"""Arguments of the functions that make tables and figures: a job's files, by name.

A function of workflow/results.yaml names what it needs as its parameters: inputs of its
job, which are read by the parameter's type, and parts of the config.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import get_args

import pandas as pd

from grvsnn.base.files import read_json, read_parquet

PACKAGE = "grvsnn"


class Given:
    """What a job has to give to the functions that write its results.

    Parameters
    ----------
    inputs : mapping of str to path or list of path
        The job's input files by name; an empty list where there is none.
    values : mapping
        Parts of the config, and the dataset's name as ``dataset``.
    """

    def __init__(
        self, inputs: Mapping[str, str | Sequence[str]], values: Mapping[str, object]
    ) -> None:
        self.inputs = inputs
        self.values = values
        self._read: dict[tuple[str, str], object] = {}

    def call(
        self,
        function: Callable,
        more: Mapping[str, object],
        paths: Sequence[str | Path],
    ) -> object:
        """Call a function with what its parameters name.

        Parameters
        ----------
        function : callable
            Its parameters without a default have to be among the inputs, the values or
            `more`; ``paths`` is where it writes to.
        more : mapping
            Further arguments; text is filled in from the values.
        paths : sequence of path
            Files of the result.
        """
        filled = {
            name: text.format(**self.values) if isinstance(text, str) else text
            for name, text in more.items()
        }
        arguments = {}
        for name, parameter in signature(function).parameters.items():
            if name == "paths":
                arguments[name] = paths
            elif name in filled:
                arguments[name] = filled[name]
            elif name in self.inputs:
                arguments[name] = self._input(name, parameter)
            elif name in self.values:
                arguments[name] = self.values[name]
            elif parameter.default is Parameter.empty:
                raise TypeError(f"{function.__qualname__} needs {name!r}: results.yaml")
        return function(**arguments)

    def _input(self, name: str, parameter: Parameter) -> object:
        """Read an input as its parameter's type asks for, or return its paths."""
        paths = self.inputs[name]
        kinds = {parameter.annotation, *get_args(parameter.annotation)}
        if pd.DataFrame in kinds:
            return self._frames(name, paths)
        if Mapping in kinds:
            key = (name, "json")
            if key not in self._read:
                one = isinstance(paths, str)
                self._read[key] = read_json(paths) if one else [*map(read_json, paths)]
            return self._read[key]
        return paths

    def _frames(self, name: str, paths: str | Sequence[str]) -> pd.DataFrame | None:
        """Read a table, or join several; None where there is no file."""
        paths = [paths] if isinstance(paths, str) else list(paths)
        if not paths:
            return None
        key = (name, "frame")
        if key not in self._read:
            self._read[key] = pd.concat(map(_read_table, paths), ignore_index=True)
        # a copy that shares its data until somebody writes to it
        return self._read[key].copy(deep=False)


def _read_table(path: str) -> pd.DataFrame:
    return pd.read_csv(path) if path.endswith(".csv") else read_parquet(path)


def find_function(name: str) -> Callable:
    """Import ``module:function`` of the package."""
    module, _, function = name.partition(":")
    return getattr(import_module(f"{PACKAGE}.{module}"), function)


def by_result(outputs: Iterable[str]) -> dict[str, list[str]]:
    """Group a job's output files by result, ``tables/<name>`` or ``figures/<name>``."""
    found: dict[str, list[str]] = {}
    for path in outputs:
        key = f"{Path(path).parent.name}/{Path(path).stem}"
        found.setdefault(key, []).append(path)
    return found
