import errno
import logging
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from grvsnn.base.errors import InputError
from grvsnn.run.job import run_job

WRITER = """
import sys, time
from types import SimpleNamespace
from grvsnn.base.files import atomic_path
from grvsnn.run.job import run_job

def main(job):
    with atomic_path(sys.argv[1]) as scratch:
        scratch.write_text("half")
        print("writing", flush=True)
        time.sleep(600)

job = SimpleNamespace(log=[sys.argv[2]], rule="write", threads=1, output={})
run_job(job, main)
"""


@pytest.fixture
def log(tmp_path):
    root = logging.getLogger()
    handlers, term = root.handlers[:], signal.getsignal(signal.SIGTERM)
    yield tmp_path / "job.log"
    root.handlers = handlers
    signal.signal(signal.SIGTERM, term)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("herd.csv has no column id"), "herd.csv has no column id"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), "free some space"),
        (
            OSError(errno.EROFS, "Read-only file system", "x"),
            "make the folder writable",
        ),
    ],
)
def test_what_users_can_mend_is_one_line(log, error, message):
    def main(job):
        raise error

    with pytest.raises(SystemExit):
        run_job(SimpleNamespace(log=[log], rule="read", threads=1, output={}), main)
    text = log.read_text()
    assert message in text
    assert "Traceback" not in text


def test_a_bug_leaves_its_traceback(log):
    def main(job):
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(SystemExit):
        run_job(SimpleNamespace(log=[log], rule="read", threads=1, output={}), main)
    assert "Traceback" in log.read_text()


def test_a_job_told_to_end_leaves_nothing_partial(root, tmp_path):
    out, log = tmp_path / "results" / "table.csv", tmp_path / "job.log"
    job = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(out), str(log)],
        env={"PYTHONPATH": str(root / "scripts")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert job.stdout.readline() == "writing\n"
    assert list(out.parent.iterdir())
    job.terminate()
    assert job.wait(60) == 128 + signal.SIGTERM
    assert not list(out.parent.iterdir())
    assert "stopped by SIGTERM" in log.read_text()
