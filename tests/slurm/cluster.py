"""A SLURM of one node on this machine's loopback, for tests; needs root and no systemd.

Everything is in one folder but the link /etc/slurm/slurm.conf, without which the `srun`
inside a job finds no cluster: Snakemake's job step clears SLURM_CONF.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CONF_LINK = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue")
START_S = 60
# more than this machine has, so that groups of jobs fit
CPUS = 16
MEMORY_MB = 64000
CARDS = 2

CONF = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# a container has no cgroups of its own
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
AccountingStorageType=accounting_storage/none
# squeue is asked for the state of jobs, so it has to remember them
MinJobAge=86400
EnforcePartLimits=ALL
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,bf_interval=5,sched_interval=5
ReturnToService=2
SlurmdTimeout=10
KillWait=5
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} \
Gres=gpu:fake:{cards} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=1440 State=UP
PartitionName=cards Nodes={host} MaxTime=1440 State=UP
"""


def missing_for_slurm() -> str | None:
    """Say what this machine lacks to run a cluster; None if nothing."""
    if os.geteuid() != 0:
        return "starting SLURM's daemons needs root"
    lacking = [name for name in PROGRAMS if not _which(name)]
    if lacking:
        return f"{', '.join(lacking)} not found: make test-slurm installs SLURM"
    if CONF_LINK.exists():
        return f"{CONF_LINK} is there: this machine belongs to a cluster"
    try:
        address = socket.gethostbyname(_host())
    except OSError:
        address = "nothing"
    if address != "127.0.0.1":
        return f"host name {_host()} resolves to {address}; srun needs 127.0.0.1"
    return None


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(check: Callable[[], object], seconds: float, what: str) -> object:
    """Return what `check` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.2)
    return found


class Cluster:
    """The daemons of a one-node SLURM and what tests ask of it.

    Parameters
    ----------
    folder : path
        A folder of its own, with a path short enough for a socket.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.name = f"grvsnn{os.getpid()}"
        self.conf = folder / "slurm.conf"
        self.daemons: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        """Start the three daemons; raises TimeoutError where the node stays down."""
        self._write_conf()
        CONF_LINK.parent.mkdir(exist_ok=True)
        CONF_LINK.symlink_to(self.conf)
        self._launch(
            "munged",
            "--foreground",
            "--force",
            f"--key-file={self.folder}/munge.key",
            f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log",
            f"--seed-file={self.folder}/munged.seed",
        )
        socket_file = self.folder / "munge.socket"
        wait_until(socket_file.exists, START_S, "munged")
        self._launch("slurmctld", "-D", "-f", str(self.conf))
        wait_until(
            lambda: " is UP" in self.ask("scontrol", "ping"), START_S, "slurmctld"
        )
        self.start_node()

    def start_node(self) -> None:
        """Start slurmd and wait until its node takes jobs."""
        self._launch("slurmd", "-D", "-f", str(self.conf), "-N", _host())
        wait_until(
            lambda: self.ask("sinfo", "-h", "-o", "%T").strip() in ("idle", "mixed"),
            START_S,
            f"slurmd (see {self.folder})",
        )

    def lose_node(self) -> None:
        """Kill slurmd and everything that runs under it, as a power cut does."""
        node = self.daemons.pop("slurmd")
        node.kill()
        node.wait()
        for pid in self._pids_of_jobs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """Cancel what runs, end the daemons and take the link away."""
        if "slurmctld" in self.daemons:
            self.ask("scancel", "--user=root")
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: not self.ask("squeue", "-h"), 20, "jobs")
        for name in ("slurmd", "slurmctld", "munged"):
            if daemon := self.daemons.pop(name, None):
                _end(daemon)
        for pid in self._pids_of_jobs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if CONF_LINK.is_symlink() and CONF_LINK.readlink() == self.conf:
            CONF_LINK.unlink()

    def ask(self, *command: str) -> str:
        """Output of one of SLURM's programs, empty where it fails."""
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout

    def jobs(self, pattern: str = "") -> list[dict[str, str]]:
        """Return all jobs since the start whose comment (the rule's name) matches."""
        text = self.ask("scontrol", "show", "job", "--oneliner")
        jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines()]
        return [job for job in jobs if re.search(pattern, job.get("Comment", ""))]

    def running(self, pattern: str) -> list[dict[str, str]]:
        """Jobs of `jobs` that run."""
        return [job for job in self.jobs(pattern) if job["JobState"] == "RUNNING"]

    def _launch(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out").open("a") as out:
            self.daemons[name] = subprocess.Popen(
                [_which(name), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, "SLURM_CONF": str(self.conf)},
            )

    def _pids_of_jobs(self) -> Iterator[int]:
        """Processes of this cluster's jobs and the slurmstepd above them."""
        marks = (
            f"SLURM_CLUSTER_NAME={self.name}".encode(),
            f"SLURM_CONF={self.conf}".encode(),
        )
        ours = {os.getpid(), *(daemon.pid for daemon in self.daemons.values())}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                if int(entry.name) not in ours and set(marks) & set(variables):
                    yield int(entry.name)

    def _write_conf(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge.key"
        key.touch(mode=0o400)
        key.write_bytes(os.urandom(1024))
        cards = []
        for number in range(CARDS):
            # SLURM wants a device file for each card and is content with this one
            device = self.folder / f"card{number}"
            device.symlink_to("/dev/null")
            cards.append(f"NodeName={_host()} Name=gpu Type=fake File={device}\n")
        (self.folder / "gres.conf").write_text("".join(cards))
        text = CONF.format(
            name=self.name,
            host=_host(),
            folder=self.folder,
            controller_port=_free_port(),
            node_port=_free_port(),
            cpus=CPUS,
            memory=MEMORY_MB,
            cards=CARDS,
        )
        self.conf.write_text(text)


def _end(daemon: subprocess.Popen) -> None:
    daemon.terminate()
    try:
        daemon.wait(15)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
