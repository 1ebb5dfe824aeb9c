"""The commands: path rewrite, Hydra entry, exit status; nothing else. Heavy imports wait until a
run is certain."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from recon.command.registry import CONFIGS
from recon.command.words import is_override, path_to_override
from recon.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from recon.command.job import Job

USAGE = """usage: tiltwise COMMAND [TILT_SERIES ...] [option=value ...]

  tiltwise reconstruct tilt_series.mrc     align and reconstruct
  tiltwise reconstruct a.mrc b.mrc c.mrc   each of them, and an overview of all
  tiltwise reconstruct --help              all options, explained; algorithm=tv --help those of tv
  tiltwise info tilt_series.mrc            what was read, and what a run would need; runs nothing
  tiltwise check tilt_series.mrc           all that would stop a run before its work; runs nothing
  tiltwise score FOLDER                    the trust scores of a finished run (trust=later)
  tiltwise train task=irdm                 train a network on synthetic phantoms
  tiltwise train --help                    all options of a training, explained
  tiltwise --version
"""
INFO_USAGE = """usage: tiltwise info FILE [option=value ...]

What FILE holds: format, shape, pixel size, tilt angles, their order, range and step, and who says
so; the memory and time that a run would need. Nothing is run or written. All options of
tiltwise reconstruct may follow, such as angles=, pixel_nm=, exclude=, algorithm=.
"""
CHECK_USAGE = """usage: tiltwise check [TILT_SERIES ...] [option=value ...]

Whether tiltwise reconstruct, with the same words, would get to its work: options, stages, the
series' header, memory, disk and the output folder. Prints ok and what would run, or one sentence
and exit status 2; of several series, for each of them. Nothing is run or written.
"""
SCORE_USAGE = """usage: tiltwise score FOLDER [threads=N]

The trust scores of the finished run in FOLDER (its output=), as trust=standard makes them: for a run
with trust=later or trust=none. run.json and the report are written anew; the tomogram stays.
"""


def main() -> None:
    """Console script ``tiltwise``: the first word is the command."""
    commands = {
        "reconstruct": reconstruct,
        "info": info,
        "check": check,
        "score": score,
        "train": train,
    }
    words = sys.argv[1:]
    if words and words[0] in commands:
        sys.argv = [f"{sys.argv[0]} {words[0]}", *words[1:]]
        commands[words[0]]()
    if words and words[0] in ("-h", "--help"):
        print(USAGE)
        sys.exit(0)
    if words and words[0] == "--version":
        _print_version()
    if words:
        print(f"error: {_no_command(words[0], list(commands))}\n", file=sys.stderr)
    print(USAGE, file=sys.stderr)
    sys.exit(2)


def _no_command(word: str, commands: list[str]) -> str:
    from difflib import get_close_matches

    if close := get_close_matches(word, commands, 1, 0.5):
        return f"there is no command {word[:100]}; did you mean {close[0]}?"
    if os.path.lexists(word) or is_override(word):
        return f"{word[:100]} given without a command; write tiltwise reconstruct {word[:100]}"
    return f"there is no command {word[:100]}, one of {', '.join(commands)} wanted"


def reconstruct() -> None:
    """``python reconstruct.py [TILT_SERIES ...] [option=value ...]``; exits with 0, 2 (a sentence
    says why; of several series or runs, if any failed) or 130 (Ctrl-C).

    Hydra composes all runs of the command before the first begins. Every series ends in a report of
    its runs (unless ``report=false``); of several runs (``-m``) it compares them, and several
    series get an overview.
    """
    _answer_questions("reconstruct")
    sys.argv[1:] = path_to_override(sys.argv[1:])
    # Hydra's sweeper leaves a multirun.yaml in its folder, whether one wants it or not; run.json
    # holds more.
    scratch = tempfile.TemporaryDirectory(prefix="tiltwise-")
    several = sys.argv[1:2] in (["-m"], ["--multirun"])
    if several:
        sys.argv.append(f"hydra.sweep.dir='{scratch.name}'")
    jobs: list[Job] = []
    mistakes: list[Exception] = []  # raised later: Hydra would print words of its own

    def task(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig

        from recon.command.job import job_of
        from recon.command.plugins import check_only_here

        try:
            check_only_here(config, sys.argv[1:])
            jobs.append(job_of(config, HydraConfig.get().overrides.task))
        except Exception as error:
            mistakes.append(error)

    try:
        _compose_and_run("reconstruct", task)
    finally:
        scratch.cleanup()
    with _mistakes_end():
        if mistakes:
            raise mistakes[0]
        if not jobs:  # --cfg job, --info and their like
            sys.exit(0)
        from recon.command.batch import plan_batch
        from recon.command.runs import run_batch

        well = run_batch(plan_batch(jobs, several=several))
    sys.exit(0 if well else 2)


def train() -> None:
    """``python train.py task=irdm [option=value ...]``; exit status as of ``reconstruct``."""
    _answer_questions("train")
    failed = False

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(
        signal.SIGTERM, stop
    )  # a batch system's way to say that the time is up: keep the state, as for Ctrl-C
    signal.signal(signal.SIGINT, stop)  # a shell makes its background jobs deaf to it

    def task(config: DictConfig) -> None:
        nonlocal failed
        from recon.command.plugins import check_only_here
        from recon.command.training import run_training

        try:
            check_only_here(config, sys.argv[1:])
            run_training(config)
        except UserError as error:
            failed = True
            print(f"error: {error}", file=sys.stderr, flush=True)

    _compose_and_run("train", task)
    sys.exit(2 if failed else 0)


def info() -> None:
    """``tiltwise info FILE [option=value ...]``: what a file holds; exits with 0 or 2."""

    def answer(config: DictConfig, chosen: Mapping[str, str | None]) -> None:
        from recon.command.info import print_info

        print_info(config)

    _compose_and_answer("info", INFO_USAGE, answer)


def check() -> None:
    """``tiltwise check [TILT_SERIES ...] [option=value ...]``: whether a run would get to its work;
    exits with 0 or 2."""

    def answer(config: DictConfig, chosen: Mapping[str, str | None]) -> None:
        from recon.command.check import print_checks

        print_checks(config, chosen)

    _compose_and_answer("check", CHECK_USAGE, answer)


def score() -> None:
    """``tiltwise score FOLDER``: the trust scores of a finished run; exits with 0 or 2."""
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(SCORE_USAGE)
        sys.exit(0)

    def run() -> None:
        folders = [w for w in words if not is_override(w)]
        options = dict(w.split("=", 1) for w in words if is_override(w))
        threads = options.pop("threads", "0")
        if len(folders) != 1 or options or not threads.isdigit():
            raise UserError(
                f"{' '.join(words)[:100] or 'nothing'} given, tiltwise score FOLDER wanted, with "
                "threads=N at most"
            )
        from pathlib import Path

        from recon.command.score import score_folder

        score_folder(Path(folders[0]), int(threads) or None)

    _exit_after(run)


def _compose_and_answer(
    name: str, usage: str, answer: Callable[[DictConfig, Mapping[str, str | None]], None]
) -> None:
    """Compose the config of ``reconstruct`` without Hydra's own entry, hand it to ``answer``, and
    exit."""
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(usage)
        sys.exit(0)
    if "--version" in words:
        _print_version()
    from recon.command.compose import compose_config

    def run() -> None:
        if flags := [w for w in words if w.startswith("-") and not os.path.lexists(w)]:
            raise UserError(
                f"{flags[0]} given, a tilt series and option=value wanted; tiltwise {name} looks "
                f"at one run at a time and takes no flags"
            )
        answer(*compose_config(CONFIGS, "reconstruct", path_to_override(words)))

    _exit_after(run)


def _answer_questions(name: str) -> None:
    """``--help`` and ``--version``, which need no run: printed, and out."""
    words = sys.argv[1:]
    if "--version" in words:
        _print_version()
    if not {"-h", "--help"} & set(words):
        return
    from recon.command.help import help_text

    words = [w for w in words if w not in ("-h", "--help", "-m", "--multirun")]
    _exit_after(lambda: print(help_text(name, path_to_override(words), CONFIGS)))


def _print_version() -> NoReturn:
    from recon.command.version import version_text

    print(version_text())
    sys.exit(0)


def _exit_after(run: Callable[[], None]) -> NoReturn:
    """Exit with 0 after ``run``, or as ``_mistakes_end`` has it."""
    with _mistakes_end():
        run()
        sys.stdout.flush()
    sys.exit(0)


@contextmanager
def _mistakes_end(command: str = "reconstruct") -> Iterator[None]:
    """Exit with 2 and a sentence for what the user can mend, as one who was stopped for Ctrl-C, and
    quietly where the reader of our output went away; a fault of ours goes through."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        from recon.command.suggest import mistake

        if (text := mistake(error, sys.argv[1:], CONFIGS, command)) is None:
            raise
        print(f"error: {text}", file=sys.stderr)
        sys.exit(2)


def _compose_and_run(name: str, task: Callable[[DictConfig], None]) -> None:
    """Hydra's entry to ``task`` with the config ``name``; exits where the command line is wrong or
    the run was stopped."""
    import hydra

    from recon.command.plugins import plug_in, refuse_foreign_hydra

    # Hydra would print a page for a misspelt option and a cut-down traceback for a fault of ours;
    # we say the one in a sentence and want the other whole.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    entry = hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=name)(task)
    with _mistakes_end(name):
        refuse_foreign_hydra(sys.argv[1:])
        plug_in(sys.argv[1:])
        entry()


if __name__ == "__main__":
    main()
