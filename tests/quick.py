"""The tiny benchmark that tests run whole again and again."""

import shutil
from pathlib import Path

CONFIG = Path(__file__).with_name("quick.yaml")
NAMES = ("performance", "calibration", "convergence", "stability", "truth")
TABLES = [f"results/tiny/tables/{name}.csv" for name in NAMES]
FIT = "results/tiny/markers_pedigree/grvsnn/repeat-1"


def prepare(folder: Path, root: Path, config: Path = CONFIG) -> Path:
    """Set a folder up for a run from nothing."""
    (folder / "config").mkdir(parents=True)
    shutil.copy(root / "config/datasets.yaml", folder / "config")
    shutil.copy(config, folder / "config/config.yaml")
    return folder


def tables_of(folder: Path) -> dict[Path, str]:
    """Texts of all tables below a folder but those that hold times."""
    return {
        path.relative_to(folder): path.read_text()
        for path in sorted((folder / "results").rglob("tables/*.csv"))
        if path.stem not in ("minutes", "resources")
    }
