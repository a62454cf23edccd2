"""What `make setup` does with R, by stand-ins for pip, Python, R and Rscript."""

import os
import shutil
import stat
import subprocess

import pytest

TOOLS = "bash cat cut dirname env grep id mkdir mktemp rm sha256sum tail timeout touch"
# imitates Python with pip: rpy2's build is good only where cffi was installed before,
# and pip's cache holds a bad one; starting R works with a good build alone
PYTHON = r"""#!/bin/bash
case "$*" in
    *"pip --version"* | *"sys.version_info"*) exit 0 ;;
    *"pip "*install*)
        echo "WARNING: odd configuration" >&2
        echo "pip ${*: -1} $*" >>calls
        [ -e no-pip ] && { echo "ERROR: No matching distribution" >&2; exit 1; }
        case "$*" in
            *r_build.txt) touch cffi ;;
            *r.txt)
                [ -e no-headers ] && [ "$RPY2_CFFI_MODE" != ABI ] && exit 1
                [ -e cffi ] && [[ $* == *--no-cache-dir* ]] &&
                    [[ $* == *--force-reinstall* ]] &&
                    [ "$R_HOME" = /its/home ] && touch bridge ;;
        esac
        exit 0 ;;
    *rpy2.*)
        echo "start $R_HOME" >>calls
        [ -e bridge ] && { echo "R version 4.9.9"; exit 0; }
        echo "ImportError: the moon is full" >&2
        exit 1 ;;
    *) echo 2.0+cpu ;;
esac
"""
R = """#!/bin/bash
echo "${R_HOME:-/its/home}"
"""
RSCRIPT = r"""#!/bin/bash
case "$*" in
    *requireNamespace*) [ -e BGLR ] ;;
    *install_bglr.R*)
        echo "asked" >>calls
        [ -e cran ] && { touch BGLR; exit 0; }
        echo "ERROR: dependency 'MASS' is not available for package 'BGLR'"
        echo "Execution halted"
        exit 1 ;;
esac
"""


class Machine:
    """A folder with envs/ and a PATH that holds nothing but stand-ins."""

    def __init__(self, root, folder):
        self.folder = folder
        shutil.copytree(root / "envs", folder / "envs")
        for name in (*TOOLS.split(), "uname"):
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).symlink_to(shutil.which(name))
        self.add("bin/cc", "#!/bin/bash\n")
        self.add("bin/python3", PYTHON)
        self.add(".venv/bin/python", PYTHON)

    def add(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def add_r(self):
        self.add("bin/R", R)
        self.add("bin/Rscript", RSCRIPT)
        return self

    def touch(self, *names):
        for name in names:
            (self.folder / name).touch()
        return self

    def set_up(self, **environment):
        """Run the script; its exit status and all it says."""
        environment = {"PATH": str(self.folder / "bin"), **environment}
        result = subprocess.run(
            [shutil.which("bash"), "envs/setup.sh"],
            cwd=self.folder,
            env=environment | {"TMPDIR": os.environ.get("TMPDIR", "/tmp")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr

    def calls(self, start=""):
        text = (self.folder / "calls").read_text()
        return [line for line in text.splitlines() if line.startswith(start)]

    def stamps(self, name):
        return list((self.folder / ".venv").glob(f".stamp-{name}-*"))


@pytest.fixture
def machine(root, tmp_path):
    return Machine(root, tmp_path)


def test_rpy2_is_built_after_cffi_and_r_is_started(machine):
    status, text = machine.add_r().touch("BGLR").set_up(R_HOME="/somebody/else")
    assert status == 0, text
    assert "setup: rpy2 starts R version 4.9.9" in text
    # an inherited R_HOME is not believed
    assert machine.calls("start") == ["start /its/home"]
    assert len(machine.stamps("bridge")) == 1


def test_where_headers_are_missing_rpy2_is_not_compiled(machine):
    status, text = machine.add_r().touch("BGLR", "no-headers").set_up()
    assert status == 0, text
    assert "setup: rpy2 starts R version 4.9.9" in text


def test_a_good_set_up_says_a_few_lines_and_its_second_run_none(machine):
    status, text = machine.add_r().touch("cran").set_up()
    assert status == 0, text
    lines = text.splitlines()
    assert len(lines) < 8 and all(line.startswith("setup: ") for line in lines), text
    before = machine.calls("pip")
    assert machine.set_up() == (0, "")
    assert machine.calls("pip") == before


def test_an_r_that_does_not_start_fails_with_the_reason(machine):
    machine.add_r().add(".venv/bin/python", PYTHON.replace("touch bridge", "true"))
    for _ in range(2):
        status, text = machine.set_up()
        assert status != 0
        assert "rpy2 cannot start R: ImportError: the moon is full" in text
        assert "GRVSNN_SETUP_R=0" in text
        assert not machine.stamps("bridge")


def test_a_bridge_that_broke_is_built_again(machine):
    assert machine.add_r().touch("BGLR").set_up()[0] == 0
    (machine.folder / "bridge").unlink()
    status, text = machine.set_up()
    assert status == 0, text
    assert "building rpy2" in text and "rpy2 starts R version 4.9.9" in text


def test_without_bglr_r_is_quoted_and_the_next_run_asks_again(machine):
    machine.add_r()
    for asked in (1, 2):
        status, text = machine.set_up()
        assert status == 0, text
        assert "ERROR: dependency 'MASS' is not available for package 'BGLR'" in text
        assert "halted" not in text
        assert len(machine.calls("asked")) == asked
    status, text = machine.touch("cran").set_up()
    assert status == 0 and "no BGLR" not in text


def test_r_is_left_alone_where_it_is_absent_or_not_wished(machine):
    status, text = machine.set_up()
    assert status == 0
    assert "no R: the Bayesian methods run on the native backend" in text
    status, text = machine.add_r().set_up(GRVSNN_SETUP_R="0")
    assert (status, text) == (0, "")
    assert not machine.calls("start")


def test_pip_is_quoted_when_it_fails(machine):
    status, text = machine.touch("no-pip").set_up()
    assert status != 0
    assert "ERROR: No matching distribution" in text
