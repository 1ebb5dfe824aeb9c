"""The commands: path rewrite, Hydra entry, exit status; nothing else. Heavy imports wait until a
run is certain."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from recon.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = """usage: tiltwise reconstruct [TILT_SERIES] [option=value ...]

  tiltwise reconstruct tilt_series.mrc                       align and reconstruct
  tiltwise reconstruct --help                                all options
  tiltwise train task=irdm                                   train a network on synthetic phantoms
"""

HERE = Path(__file__).resolve().parent
# In the wheel the configs lie inside the package, in a checkout beside it.
CONFIGS = HERE / "configs" if (HERE / "configs").is_dir() else HERE.parent / "configs"

_OVERRIDE = re.compile(r"^[~+]*[\w@/.:-]+=")


def main() -> None:
    """Console script ``tiltwise``: the first word is the sub-command."""
    words = sys.argv[1:]
    if words[:1] == ["reconstruct"]:
        sys.argv = [f"{sys.argv[0]} reconstruct", *words[1:]]
        reconstruct()
    if words[:1] == ["train"]:
        sys.argv = [f"{sys.argv[0]} train", *words[1:]]
        train()
    wanted_help = not words or words[0] in ("-h", "--help")
    print(
        USAGE
        if wanted_help
        else f"tiltwise: no sub-command {words[0]!r}, reconstruct or train wanted\n\n{USAGE}",
        file=sys.stderr,
    )
    sys.exit(0 if wanted_help and words else 2)


def reconstruct() -> None:
    """``python reconstruct.py [TILT_SERIES] [option=value ...]``; exits with 0, 2 (a sentence says
    why) or 130 (Ctrl-C).

    Every command ends in a report of its runs (unless ``report=false``); of several (``-m``) it
    compares them.
    """
    sys.argv[1:] = path_to_override(sys.argv[1:])
    # Hydra's sweeper leaves a multirun.yaml in its folder, whether one wants it or not; run.json
    # holds more.
    scratch = tempfile.TemporaryDirectory(prefix="tiltwise-")
    several = sys.argv[1:2] in (["-m"], ["--multirun"])
    if several:
        sys.argv.append(f"hydra.sweep.dir='{scratch.name}'")
    folders: list[Path] = []
    failures: dict[str, str] = {}
    wanted: list[bool] = []

    def task(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig

        from recon.command.config import run_config

        try:
            folders.append(run_config(config))
            wanted.append(bool(config.report))
        except UserError as error:
            # Kept, not raised: the other jobs of a multirun go on.
            failures[HydraConfig.get().job.override_dirname or "run"] = str(error)
            print(f"error: {error}", file=sys.stderr, flush=True)

    try:
        _compose_and_run("reconstruct", task)
    finally:
        scratch.cleanup()
    if any(wanted):
        from recon.console import Console
        from recon.progress import report_to
        from recon.report.page import write_report

        try:
            with report_to(Console().show):
                page = write_report(folders[0].parent if several else folders[0], folders, failures)
            print(f"report: {page}", flush=True)
        except UserError as error:
            failures["report"] = str(error)
            print(f"error: {error}", file=sys.stderr)
    sys.exit(2 if failures else 0)


def train() -> None:
    """``python train.py task=irdm [option=value ...]``; exit status as of ``reconstruct``."""
    failed = False

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(
        signal.SIGTERM, stop
    )  # a batch system's way to say that the time is up: keep the state, as for Ctrl-C
    signal.signal(signal.SIGINT, stop)  # a shell makes its background jobs deaf to it

    def task(config: DictConfig) -> None:
        nonlocal failed
        from recon.training.job import run_training

        try:
            run_training(config)
        except UserError as error:
            failed = True
            print(f"error: {error}", file=sys.stderr, flush=True)

    _compose_and_run("train", task)
    sys.exit(2 if failed else 0)


def _compose_and_run(name: str, task: Callable[[DictConfig], None]) -> None:
    """Hydra's entry to ``task`` with the config ``name``; exits where the command line is wrong or
    the run was stopped."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from recon.command.suggest import groups_listed, sentence

    OmegaConf.register_new_resolver(
        "tiltwise.groups", lambda: groups_listed(CONFIGS, name), replace=True
    )
    # Hydra would print a page for a misspelt option and a cut-down traceback for a fault of ours;
    # we say the one in a sentence and want the other whole.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    entry = hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=name)(task)
    try:
        entry()
    except (HydraException, OmegaConfBaseException) as error:
        print(f"error: {sentence(error, sys.argv[1:], CONFIGS, name)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except ValueError as error:
        if "Config group" not in str(error):
            raise
        print(f"error: {error}; choose one of the group's options, see --help", file=sys.stderr)
        sys.exit(2)


def path_to_override(words: Sequence[str]) -> list[str]:
    """A bare leading path becomes ``input='...'``, quoted as Hydra quotes, whatever characters it
    holds.

    A word is a path when something of that name exists, when it starts as only paths do (``/``,
    ``./``, ``../``, ``~/``), or when it is neither an option (``-m``) nor an override
    (``key=value``, ``+key=value``, ``~key``).
    """
    from hydra.core.override_parser.types import Quote, QuotedString

    # argparse takes overrides only in one run: a flag between them would make the rest unknown.
    several = [w for w in words if w in ("-m", "--multirun")]
    words = [w for w in words if w not in several]
    for index, word in enumerate(words[:1]):
        certain = bool(word) and (
            os.path.lexists(word) or word.startswith(("/", "./", "../", "~/"))
        )
        if not certain and (word.startswith(("-", "~", "+")) or _OVERRIDE.match(word)):
            break
        path = word if os.path.lexists(word) else str(Path(word).expanduser())
        # ${...} would be looked up by OmegaConf, and a backslash has a meaning of its own: such a
        # path travels as a URL.
        text = f"file:{quote(path)}" if "$" in path or "\\" in path else path
        words[index] = f"input={QuotedString(text=text, quote=Quote.single).with_quotes()}"
    return [*several[:1], *words]
