"""Write the lock files of `make setup` from pyproject.toml (run by `make lock`).

requirements.txt  everything but torch and R; pip installs it with --no-deps
torch.txt         torch, whose one version has a CPU and a CUDA build
cuda.txt          what only torch's CUDA build needs
r_build.txt       what rpy2's build imports, installed before it
r.txt             rpy2, built where R is
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "envs" / "locks"
TORCH = "2.13.0"
# the CPU build (2.13.0+cpu, CPython 3.11, x86-64 Linux) is not on PyPI, whose page
# lists the other hashes
CPU_HASHES = ("6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",)
CUDA_ONLY = re.compile(r"(nvidia-|cuda-|triton)")
R_BUILD = re.compile(r"(cffi|pycparser)$")
R_ONLY = re.compile(r"(rpy2|tzlocal|tzdata)")


def locked_versions() -> str:
    """Pins of the present lock files, which a new one keeps unless told to upgrade."""
    texts = [path.read_text() for path in sorted(LOCKS.glob("*.txt"))]
    pins = re.findall(r"^([\w.-]+==[\w.+!-]+)", "\n".join(texts), re.M)
    return "\n".join(pin for pin in pins if not pin.startswith("torch=="))


def compile_lock(extras: list[str]) -> dict[str, str]:
    """Resolve pyproject.toml for every platform: name -> pinned block with hashes."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml"]
    command += [f"--extra={extra}" for extra in extras]
    command += ["--universal", "--python-version=3.11", "--generate-hashes"]
    # one version of each package for every Python
    command += ["--fork-strategy=fewest"]
    command += ["--no-header", "--no-annotate", "--quiet", "--constraint=-"]
    kept = "" if "--upgrade" in sys.argv else locked_versions()
    text = subprocess.run(
        command,
        cwd=ROOT,
        input=f"torch=={TORCH}\n{kept}\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    blocks = re.split(r"\n(?=\S)", text.strip())
    named = [(re.split(r"[=\[ ]", block)[0], block.strip()) for block in blocks]
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise SystemExit(
            "a package is locked twice; narrow its range in pyproject.toml"
        )
    return dict(named)


def write_lock(name: str, blocks: list[str]) -> None:
    """Write one lock file; its first line says where it comes from."""
    head = "# Written by `make lock` from pyproject.toml; do not edit.\n"
    (LOCKS / name).write_text(head + "\n".join(blocks) + "\n")


def main() -> None:
    """Split one resolution into the lock files."""
    base = compile_lock(["workflow", "dev"])
    with_r = compile_lock(["workflow", "dev", "r"])
    torch = base.pop("torch") + "".join(
        f" \\\n    --hash=sha256:{digest}" for digest in CPU_HASHES
    )
    cuda = {name: block for name, block in base.items() if CUDA_ONLY.match(name)}
    rest = {name: block for name, block in base.items() if name not in cuda}
    r_build = {name: block for name, block in with_r.items() if R_BUILD.match(name)}
    r_only = {
        name: block
        for name, block in with_r.items()
        if R_ONLY.match(name) and name not in base
    }
    LOCKS.mkdir(exist_ok=True)
    write_lock("requirements.txt", list(rest.values()))
    write_lock("torch.txt", [torch])
    write_lock("cuda.txt", list(cuda.values()))
    write_lock("r_build.txt", list(r_build.values()))
    write_lock("r.txt", list(r_only.values()))


if __name__ == "__main__":
    main()
