"""Names of Ray's own that are replaced, and a release that has them no more; no Ray is needed."""

from __future__ import annotations

from types import SimpleNamespace

from bench.sweep.executors.ray import _keep_output_and_signals


def test_ray_neither_prints_nor_handles_signals(capsys):
    worker, utils = SimpleNamespace(_worker_logs_enabled=True), SimpleNamespace(set_sigterm_handler=print)
    _keep_output_and_signals(SimpleNamespace(_private=SimpleNamespace(worker=worker, utils=utils)))
    utils.set_sigterm_handler("a handler")
    assert worker._worker_logs_enabled is False
    assert capsys.readouterr() == ("", "")


def test_a_release_without_a_name_is_left_as_it_is_and_that_is_said(capsys):
    worker = SimpleNamespace()
    _keep_output_and_signals(SimpleNamespace(_private=SimpleNamespace(worker=worker)))
    assert vars(worker) == {}
    said = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in said] == [
        "executor=ray: this release has no ray._private.worker._worker_logs_enabled",
        "executor=ray: this release has no ray._private.utils.set_sigterm_handler",
    ]
