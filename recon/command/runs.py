"""The runs of one command, one after the other, and the pages that they leave."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from recon.command.batch import Batch, Run, Series, check_batch, wants_report
from recon.command.config import rehearsed, run_config
from recon.console import Console
from recon.errors import UserError
from recon.io.read import existing
from recon.progress import report_to
from recon.report.overview import Row, write_overview
from recon.report.page import write_report
from recon.run.folder import OVERVIEW, REPORT
from recon.run.latest import Latest


def run_batch(batch: Batch) -> bool:
    """Run all, series by series, and write their pages; a series that fails does not stop the
    others. Returns whether nothing failed. Raises ``UserError`` before the work only."""
    check_batch(batch)
    first = batch.series[0].runs[0]
    if batch.many and first.config.resume is not True:  # what is finished needs its input no more
        for series in batch.series:
            if series.path is not None:
                existing(series.path)
    if batch.many and all(len(series.runs) == 1 for series in batch.series):
        rehearsed(first.config, first.folder, several=True)  # said once, not for every series
    failures: dict[Path, str] = {}
    began: set[Path] = set()
    for number, series in enumerate(batch.series, 1):
        if batch.many:
            print(f"series {number} of {len(batch.series)}: {series.name}", flush=True)
        try:
            _run_series(batch, series, failures, began)
            _tell_overview(batch, failures, began)
        except KeyboardInterrupt:
            if batch.several:
                _say_how_to_resume(batch, f"series {number} of {len(batch.series)}, {series.name}")
            raise
    if batch.many:
        _sum_up(batch, failures)
    return not failures


def _run_series(batch: Batch, series: Series, failures: dict[Path, str], began: set[Path]) -> None:
    """The runs of one series, and the page that shows or compares them. Failures go to
    ``failures``."""
    latest, done = Latest(), []
    for run in series.runs:
        began.add(run.folder)
        try:
            run_config(run.config, run.folder, latest, several=batch.several)
        except UserError as error:
            failures[run.folder] = str(error)
            print(f"error: {_whose(batch, series, run)}{error}", file=sys.stderr, flush=True)
        else:
            done.append(run)
    page = series.folder / REPORT[0]
    sentences = {
        run.label or series.name: failures[run.folder]
        for run in series.runs
        if run.folder in failures
    }
    if not any(wants_report(run) for run in done) or (not sentences and _is_newest(page, done)):
        return
    try:
        with report_to(Console().show):
            page = write_report(series.folder, [run.folder for run in done], sentences)
        print(f"report: {page}", flush=True)
    except UserError as error:
        failures[page] = str(error)
        print(f"error: {_whose(batch, series, None)}{error}", file=sys.stderr, flush=True)


def _tell_overview(batch: Batch, failures: dict[Path, str], began: set[Path]) -> None:
    """Written anew after every series, so that one may look at it while the others run."""
    if not _wants_overview(batch):
        return
    rows = [
        Row(
            series.name,
            run.label,
            "" if series.path is None else str(series.path),
            run.folder,
            series.folder / REPORT[0],
            failures.get(run.folder, ""),
            run.folder in began,
        )
        for series in batch.series
        for run in series.runs
    ]
    try:
        write_overview(batch.folder, rows)
    except UserError as error:
        failures[batch.folder] = str(error)
        print(f"error: {error}", file=sys.stderr, flush=True)


def _sum_up(batch: Batch, failures: Mapping[Path, str]) -> None:
    """The last lines: what failed, with its sentence, and where to look."""
    whose = {r.folder: _whose(batch, s, r) for s in batch.series for r in s.runs}
    total, failed = len(whose), len(whose.keys() & failures.keys())
    runs = "" if total == len(batch.series) else f", {total} runs"
    print(f"{len(batch.series)} series{runs}: {total - failed} finished, {failed} failed")
    for folder, sentence in failures.items():
        print(f"failed: {whose.get(folder, '')}{sentence}", file=sys.stderr)
    told = _wants_overview(batch) and batch.folder not in failures
    where = f"overview: {batch.folder / OVERVIEW[0]}" if told else f"results: {batch.folder}"
    print(where, flush=True)


def _say_how_to_resume(batch: Batch, where: str) -> None:
    print(
        f"warning: stopped{f' at {where}' if batch.many else ''}; what is done is kept: repeat the "
        f"command with resume=true output={shlex.quote(str(batch.folder))}",
        file=sys.stderr,
        flush=True,
    )


def _whose(batch: Batch, series: Series, run: Run | None) -> str:
    """The beginning of a sentence about one of several runs."""
    names = [series.name] if batch.many else []
    names += [run.label] if run is not None and len(series.runs) > 1 else []
    return f"{', '.join(names)}: " if names else ""


def _wants_overview(batch: Batch) -> bool:
    return batch.many and any(wants_report(run) for series in batch.series for run in series.runs)


def _is_newest(page: Path, runs: Sequence[Run]) -> bool:
    """Whether the page was written after all of the runs that it shows, which were kept then."""
    try:
        at = page.stat().st_mtime_ns
        return all((run.folder / "run.json").stat().st_mtime_ns < at for run in runs)
    except OSError:
        return False
