"""Tasks of a Ray cluster: one that runs already, or one on this machine for the time of the sweep."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from bench.core.errors import UsageError
from bench.core.process import TERMINATION, Stop
from bench.core.settings import Command, RaySettings, Site
from bench.sweep.executors import jobs
from bench.sweep.executors.base import Event, Pack, PackQueue
from bench.sweep.executors.jobs import Answer, Engine
from bench.sweep.executors.local import usable_cores
from bench.sweep.executors.packs import run_packs

OBJECT_STORE_BYTES = 100 << 20
"""Nothing but packs goes through the object store of a cluster of our own."""

CONNECT_TIMEOUT = 5.0

QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What keeps Ray from writing to the terminal and from calling home; whoever has set it otherwise has his way."""

PRIVATE = {"_private.worker._worker_logs_enabled": False, "_private.utils.set_sigterm_handler": lambda handler: None}
"""What is put in the place of Ray's own."""


@dataclass(frozen=True)
class Ray:
    """Carries out packs in tasks of a cluster; what they need must be at the same paths there."""

    n_workers: int
    settings: RaySettings

    @staticmethod
    def of(command: Command) -> Ray:
        """Return the executor of a command. Raises UsageError for a cluster that does not answer."""
        address = command.ray.address
        if address is None:
            return Ray(command.workers or usable_cores(), command.ray)
        _check_answers(address)
        with _connected(address, 1) as ray:
            return Ray(command.workers or max(1, int(ray.cluster_resources().get("CPU", 1))), command.ray)

    def carry_out(self, queue: PackQueue, site: Site, stop: Stop) -> Generator[Event, None, None]:
        """Carry out packs as they come; see `Executor`."""
        site, place = jobs.anywhere(site), os.getcwd()
        with _connected(self.settings.address, self.n_workers) as ray:
            remote = ray.remote(run_packs)

            def submit(packs: Sequence[Pack]) -> _Task:
                n_gpus = int(packs[0][0].device == "cuda")
                options = remote.options(num_cpus=1, num_gpus=n_gpus, max_retries=0, name="gatebench")
                return _Task(ray, options.remote(packs, site, place, 1))

            yield from jobs.run_jobs(queue, site, stop, Engine(submit, self.n_workers, self.settings.packs))


@dataclass
class _Task:
    """A task of Ray's."""

    ray: Any
    reference: Any
    is_stopped: bool = False

    def answer(self) -> Answer | None:
        """See `Job`."""
        ready, _ = self.ray.wait([self.reference], timeout=0)
        if not ready:
            return None
        try:
            return Answer(self.ray.get(self.reference))
        except self.ray.exceptions.TaskCancelledError:
            return Answer()
        except self.ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            sentence = re.split(r"\.\s|\n", str(cause).strip())[0]
            return Answer(death=f"its task died, {type(cause).__name__}: {sentence}")

    def stop(self) -> None:
        """See `Job`; to a task that runs this is Ctrl-C, and a second would end it at once."""
        if not self.is_stopped:
            self.is_stopped = True
            self.ray.cancel(self.reference, force=False)

    def kill(self) -> None:
        """See `Job`."""
        self.ray.cancel(self.reference, force=True)


def _keep_output_and_signals(ray: Any) -> None:
    """Keep Ray from printing to stdout what its nodes suffer, and from handling SIGTERM while it connects.

    There is no public way: `log_to_driver` is for tasks alone, and signals that were blocked here would stay so in all
    that Ray starts. A release without these names is taken as it is, and that is said.
    """
    for name, value in PRIVATE.items():
        owner, _, attribute = name.rpartition(".")
        try:
            place = attrgetter(owner)(ray)
            getattr(place, attribute)
        except AttributeError:
            print(f"executor=ray: this release has no ray.{name}; it may print or stop on its own", file=sys.stderr)
        else:
            setattr(place, attribute, value)


def _check_answers(address: str) -> None:
    """Knock at a cluster's door: Ray itself would wait for an answer for ever."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"executor=ray: no cluster at `ray.address={address}`: {error}") from error


@contextmanager
def _connected(address: str | None, n_cpus: int) -> Iterator[Any]:
    """Connect to a cluster, or start one here with so many cores. Raises UsageError if there is none."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    _keep_output_and_signals(ray)
    ours = {"num_cpus": n_cpus, "object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            **(ours if address is None else {}),
        )
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"executor=ray: no cluster at `ray.address={address}`: {reason}") from error
    for number in TERMINATION:
        signal.signal(number, signal.getsignal(number))  # Ray's C++ side has put a handler under ours that aborts
    try:
        yield ray
    finally:
        with suppress(Exception):
            ray.shutdown()
