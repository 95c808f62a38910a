"""Jobs of a Slurm cluster, through submitit; its local executor stands in for a cluster on this machine."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import results
from bench.core import process
from bench.core.errors import BenchError, StorageError, UsageError
from bench.core.process import Stop
from bench.core.settings import Command, Site, SlurmSettings
from bench.sweep.executors import jobs
from bench.sweep.executors.base import Ended, Event, Pack, PackQueue
from bench.sweep.executors.jobs import Answer, Engine
from bench.sweep.executors.local import usable_cores
from bench.sweep.executors.packs import run_packs

DEFAULT_WORKERS = 100
LOGS = "slurm"
"""Folder in a results directory for the output of jobs that died."""

ANSWER_SECONDS = 15.0
"""How long the answer of a finished job may take to appear on a shared file system."""

STATE_SECONDS = 30
"""Interval at which Slurm is asked, for all jobs at once, which of them have finished."""


@dataclass(frozen=True)
class Slurm:
    """Runs packs in jobs of a cluster; what they need must be at the same paths there."""

    n_workers: int
    settings: SlurmSettings

    @staticmethod
    def of(command: Command) -> Slurm:
        """Return the executor of a command. Raises UsageError where there is no Slurm."""
        settings = command.slurm
        is_local = settings.cluster == "local"
        if not is_local and not (shutil.which("sbatch") and shutil.which("srun")):
            raise UsageError("executor=slurm: no sbatch and srun here; slurm.cluster=local does without")
        return Slurm(command.workers or (usable_cores() if is_local else DEFAULT_WORKERS), settings)

    def carry_out(self, queue: PackQueue, site: Site, stop: Stop) -> Generator[Event, None, None]:
        site, place, cores = jobs.anywhere(site), os.getcwd(), self.settings.cores
        is_local = self.settings.cluster == "local"
        if Path(place) != Path(__file__).resolve().parents[3]:
            os.environ["PYTHONSAFEPATH"] = "1"  # no module of the working directory is taken for one of Python's
        with _folder(results.make_folder(site.directory, LOGS)) as folder:
            executor = self._executor(folder, site.directory.name)

            def submit(packs: Sequence[Pack]) -> _Job:
                with process.keyboard_blocked(), _submitting():
                    if is_local:
                        return _LocalJob(executor.submit(_run_here, packs, site, place, cores))
                    return _Job(executor.submit(run_packs, packs, site, place, cores))

            n_jobs = -(-self.n_workers // cores)
            yield from jobs.run_jobs(queue, site, stop, Engine(submit, n_jobs, max(self.settings.packs, cores)))

    def _executor(self, folder: Path, name: str) -> Any:
        """Return submitit's executor with the resources of a job; only we resubmit, so that it happens once."""
        import submitit

        logging.getLogger("submitit").setLevel(logging.CRITICAL)
        wanted = self.settings
        if wanted.cluster == "local":
            local = submitit.LocalExecutor(folder)
            local.update_parameters(timeout_min=wanted.minutes, gpus_per_node=wanted.gpus)
            return local
        submitit.SlurmJob.watcher = type(submitit.SlurmJob.watcher)(delay_s=STATE_SECONDS)
        executor = submitit.SlurmExecutor(folder)
        asked = {
            "job_name": f"gatebench-{name}",
            "partition": wanted.partition,
            "account": wanted.account,
            "time": wanted.minutes,
            "mem": wanted.memory and f"{round(wanted.memory * 1024)}MB",
            "cpus_per_task": wanted.cores,
            "gpus_per_node": wanted.gpus or None,
            "additional_parameters": {"no_requeue": True},
        }
        executor.update_parameters(**{key: value for key, value in asked.items() if value is not None})
        return executor


class _Job:
    """A job of submitit's."""

    def __init__(self, job: Any) -> None:
        self._job = job
        self._over: float | None = None
        self._is_cancelled = False

    def answer(self) -> Answer | None:
        if not self._job.done():
            return None
        paths = self._job.paths
        if paths.result_pickle.exists():
            return self._result()
        self._over = self._over or time.monotonic()
        if time.monotonic() - self._over < self._grace:
            return None
        return Answer(death=f"its job {self._job.job_id} died, {self._job.state}; see {paths.stderr}")

    def stop(self) -> None:
        """Cancel the job: Slurm sends SIGTERM, and SIGKILL after the cluster's KillWait."""
        if not self._is_cancelled:
            self._is_cancelled = True
            self._job.cancel(check=False)

    def kill(self) -> None:
        self.stop()

    _grace = ANSWER_SECONDS

    def _result(self) -> Answer:
        """Return the job's answer and remove its output files."""
        try:
            endings: Sequence[Ended] = self._job.result()
        except Exception as error:  # any error in the job or in reading its result
            reason = f"{type(error).__name__}; see {self._job.paths.stderr}"
            return Answer(death=f"its job {self._job.job_id} failed, {reason}")
        for path in (self._job.paths.stdout, self._job.paths.stderr):
            with suppress(OSError):
                path.unlink()
        return Answer(endings)


class _LocalJob(_Job):
    """A process on this machine that submitit watches; the job's id is that of the watcher."""

    _grace = 0.0

    def stop(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the watcher, and with it the job (`_run_here`)."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if not self._job.done():
            os.kill(int(self._job.job_id), number)


def _run_here(packs: Sequence[Pack], site: Site, place: str, n_workers: int) -> list[Ended]:
    """Run packs in a process that ends with its watcher."""
    process.die_with_parent(os.getppid())
    return run_packs(packs, site, place, n_workers)


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """Yield a new private folder for submitit's pickles; only the output of jobs is kept."""
    try:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=time.strftime("%Y%m%d-%H%M%S-")))
    except OSError as error:
        raise StorageError(parent, error) from error
    try:
        yield folder
    finally:
        for path in folder.iterdir():
            if path.suffix not in (".out", ".err"):
                path.unlink(missing_ok=True)
        for emptied in (folder, parent):
            with suppress(OSError):
                emptied.rmdir()


@contextmanager
def _submitting() -> Iterator[None]:
    """Turn submitit's errors into one message."""
    try:
        yield
    except OSError as error:
        raise StorageError(Path(error.filename or LOGS), error) from error
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise BenchError(f"no job can be submitted: {lines[-1] if lines else type(error).__name__}") from error
