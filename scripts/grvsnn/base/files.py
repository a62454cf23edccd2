"""Files that appear whole or not at all."""

import fcntl
import json
import logging
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
from pyarrow.parquet import read_schema

from grvsnn.base.errors import InputError

logger = logging.getLogger(__name__)

CAUTIOUS_UMASK = 0o022
"""Taken where the system has no /proc: readable by all, writable by its owner."""

_being_written: set[Path] = set()


def remove_unfinished() -> None:
    """Remove the scratch files and folders in use, for a process told to end."""
    for scratch in tuple(_being_written):
        if scratch.is_dir():
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            scratch.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`, renamed to it when the block succeeds.

    The scratch file keeps the suffix, since writers choose a format by it, and is
    removed when the block fails.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(
        prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
    )
    os.close(handle)
    scratch = Path(scratch)
    _being_written.add(scratch)
    try:
        yield scratch
        # mkstemp makes private files; results are for the whole group to read
        scratch.chmod(0o666 & ~_umask())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
        _being_written.discard(scratch)


@contextmanager
def scratch_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder of one job's own, removed when the block ends.

    What a killed job of the same path left there is removed first.
    """
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    _being_written.add(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _being_written.discard(path)


@contextmanager
def hold_lock(path: str | Path) -> Iterator[None]:
    """Let one process at a time into the block; others wait for it.

    Where the folder or its file system has no locks, a line in the log says so, and the
    block is entered all the same.
    """
    with ExitStack() as stack:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(Path(path).open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            logger.info("%s cannot be locked: %s", path, error)
        yield


def _umask() -> int:
    """Read the process's umask; to ask the system is to set it, for all threads."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"^Umask:\s*([0-7]+)$", status, re.M)[1], 8)
    except (OSError, TypeError):
        return CAUTIOUS_UMASK


def write_text(text: str, path: str | Path) -> None:
    """Write text atomically."""
    with atomic_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def write_json(value: object, path: str | Path) -> None:
    """Write JSON atomically; numpy scalars and arrays become numbers and lists."""
    write_text(json.dumps(value, indent=2, default=plain) + "\n", path)


def plain(value: object) -> object:
    """Return what JSON has for a numpy value or a path, as ``json``'s ``default``."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def read_json(path: str | Path) -> dict:
    """Read a JSON file that the workflow made; `InputError` for a damaged one."""
    with naming_damage(path):
        return json.loads(Path(path).read_text(encoding="utf-8"))


@contextmanager
def naming_damage(path: str | Path) -> Iterator[None]:
    """Tell the user of a damaged file of the workflow's own, and how to fix it."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (pyarrow.ArrowException, OSError, ValueError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"{path} is damaged and cannot be read ({reason}); remove it and run "
            "again: the workflow makes it again"
        ) from None


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table that the workflow made; `InputError` for a damaged one."""
    with naming_damage(path):
        return pd.read_parquet(path, columns=columns)


def parquet_columns(path: str | Path) -> list[str]:
    """Names of the columns of a table that the workflow made."""
    with naming_damage(path):
        return read_schema(path).names


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as parquet, atomically and without its index."""
    with atomic_path(path) as scratch:
        frame.to_parquet(scratch, index=False)


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV, atomically and without its index."""
    with atomic_path(path) as scratch:
        frame.to_csv(scratch, index=False, lineterminator="\n")
