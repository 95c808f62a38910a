"""The command line: `python -m bench` with overrides is the Hydra app, with a bare word it is that command."""

from __future__ import annotations

import gc
import sys

from bench import __version__
from bench.core import process
from bench.core.console import program
from bench.core.errors import BenchError
from bench.core.process import SIGNAL_STATUSES, Shutdown

HELP = """\
gatebench: settle GRU-versus-LSTM questions with evidence

  python -m bench [KEY=VALUE ...]           train one model, score it, report
  python -m bench -m [KEY=V1,V2,... ...]    train every combination, on all cores, and report
  python -m bench COMMAND [...]             one of the commands below

examples
  python -m bench task=music21_bach cell=gru
  python -m bench -m cell=gru,lstm,tanh task=jsb_chorales,nottingham hidden_size=36,64,100 'seed=range(10)'
  python -m bench -m cell=gru,lstm,tanh task=jsb_chorales size=params size.num_params=20000 'seed=range(10)'
  python -m bench -m experiments=demo
  python -m bench -m experiments=tune_jsb

commands (each has --help)
  tasks        every task: size, metric, where its data come from
  cells        every cell: equations' source, states, settings
  validate     check a task and show its statistics and one batch, or a cell and what is derived from its
               equations: validate task=mine, validate cell=mine
  report       rebuild the report of a results directory: report results/NAME
  status       what is done, running, failed and missing, and the time left: status results/NAME
  diff         which runs of two results directories differ, and whether their means do: diff A B
  verify       check every digest and train a sample of runs again, to the bit: verify results/NAME
  probe        look into the model of the best run of each cell: gates, gradients: probe results/NAME
  sample       let the model of a run write text, or music as a MIDI file: sample results/NAME/runs/LABEL
  archive      put the records into one compressed file, read like the records themselves: archive results/NAME
  judge        compare paired scores of your own, of any models: judge scores.csv
  speed        time one training step: our kernels beside torch.nn, on this machine; --job: whole trainings
  schema       the JSON Schema by which an editor completes and checks a YAML file: schema task, schema experiment

settings that matter most (all of them: conf/config.yaml; what an override gives: --cfg job)
  task=NAME            what is learned; `python -m bench tasks` lists them; ./task/NAME.yaml is a task of yours
  cell=NAME            gru, lstm, tanh; variants by field: cell=lstm cell.forget_bias=1, cell.reset=before
  hidden_size=N        units of each layer; num_layers=N layers
  size=params          solve hidden_size for size.num_params parameters, so that cells are compared at equal size;
                       size=flops for size.num_flops operations, size=seconds for size.us_per_unit of training time
  tune.n_trials=N      tune every cell with N trials over space=NAME before it is compared (conf/space)
  tune.replications=R  do so R times, so that the comparison holds what another search would have found
  tune.extend=true     widen the space, for every cell alike, where the best of any cell lies at an edge of it
  seed=N               initial weights and data order; 'seed=range(10)' with -m for ten paired seeds
  optim.lr=X           learning rate; optim.name=sgd|rmsprop|adam|adamw
  train.max_epochs=N   budget; also train.max_updates, train.max_seconds
  kernel=NAME          fused, bptt, reference; auto takes the fastest that there is
  name=NAME            results go to results/NAME
  executor=NAME        local, slurm or ray (see README, "On a cluster")
  data_dir=DIR         where data files are; also the environment variable BENCH_DATA
  dry_run=true         show the plan and stop
  keep=best            keep the best weights of every run beside its record, for sample and probe
  report=false         write no report at the end; `report results/NAME` writes it at any time

The same command again skips every finished Run. Ctrl-C or a termination signal stops it
between two updates; the same command continues from there, to the same bits.
Exit status: 0 all done, 1 a Run failed, 2 bad input, 130 or 143 stopped by a signal.
"""

COLLECTION = (50_000, 20, 100)
"""How seldom garbage is collected: with Python's own 700, 10 and 10 it takes a sixth of the time of a report."""


def main(words: list[str] | None = None) -> None:
    """Run the program and exit with its status; a user's mistake is one message, never a traceback."""
    process.prepare()
    gc.set_threshold(*COLLECTION)
    shutdown = Shutdown()
    try:
        status = _dispatch(sys.argv[1:] if words is None else words)
        status = process.finish() or status
    except KeyboardInterrupt:
        status = 130
    except SystemExit as end:  # of a sweep, through Hydra
        if not isinstance(end.code, int) or end.code not in SIGNAL_STATUSES:
            raise
        status = shutdown.status or end.code
    except BrokenPipeError as error:
        status = 0 if process.reader_has_gone() else _report_error(error)
    except Exception as error:
        if shutdown.status is None and not isinstance(error, (BenchError, OSError)):
            raise
        status = shutdown.status or _report_error(error)
    if status in SIGNAL_STATUSES:
        process.leave(status)
    sys.exit(status)


def _report_error(error: Exception) -> int:
    """Print a user's mistake or a failure of the system, and return the exit status."""
    if isinstance(error, BenchError):
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if isinstance(error, OSError):
        print(f"error: {error.filename or 'standard output'}: {error.strerror or error}", file=sys.stderr)
    return 1


def _dispatch(words: list[str]) -> int:
    is_command = bool(words) and "=" not in words[0] and not words[0].startswith(("-", "+", "~"))
    if not words or words[0] == "help" or (not is_command and {"-h", "--help"} & {*words}):
        print(HELP.replace("python -m bench", program()), end="")
        return 0
    if not is_command and "--version" in words:
        print(f"gatebench {__version__}")
        return 0
    if is_command:
        from bench.cli.commands import run_command

        return run_command(words)
    from bench.cli.app import run

    return run(words)


if __name__ == "__main__":
    main()
