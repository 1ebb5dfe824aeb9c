"""``tiltwise check``: everything that a run does before its work, and nothing of the work."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from recon.command.batch import check_batch, plan_batch
from recon.command.config import files_of, input_path, make_settings, make_stages, reading_options
from recon.command.foresee import check_needs
from recon.command.job import Job
from recon.console import Console
from recon.errors import UserError
from recon.geometry import Geometry
from recon.io.read import read_heading
from recon.run.checkpoint import is_begun, load_prepared
from recon.run.fingerprint import fingerprint
from recon.run.folder import check_ours, check_writable
from recon.run.preflight import rehearse
from recon.run.stages import Settings
from recon.stage import needs_of

STAGES = (
    "preprocess", "align", "denoise", "inpaint", "projector", "algorithm", "trust", "analyze",
)  # fmt: skip


def print_checks(config: DictConfig, chosen: Mapping[str, str | None]) -> None:
    """``print_check`` of every series that ``config`` names; one that would not run does not hide
    the others. Raises ``UserError`` at the end where any would not."""
    batch = plan_batch([Job(config)], several=False)
    check_batch(batch)
    if not batch.many:
        print_check(batch.series[0].runs[0].config, chosen)
        return
    bad = []
    for number, series in enumerate(batch.series, 1):
        print(f"series {number} of {len(batch.series)}: {series.name}", flush=True)
        run = series.runs[0]
        try:
            print_check(run.config, chosen, run.folder, several=True)
        except UserError as error:
            bad.append(series.name)
            print(f"error: {series.name}: {error}", file=sys.stderr, flush=True)
    if bad:
        raise UserError(
            f"{len(bad)} of {len(batch.series)} series would not run ({', '.join(bad)}); mend or "
            f"leave out what is said above, the others would run"
        )


def print_check(
    config: DictConfig,
    chosen: Mapping[str, str | None],
    output: Path | None = None,
    *,
    several: bool = False,
) -> None:
    """Build all stages, rehearse them on a tiny problem, look at the series' header and at the
    output folder; then say what would run. ``chosen``: group -> option. Nothing is written.

    ``output``: where the results would go, None for the folder of a lone run. Raises ``UserError``
    for whatever would stop the run before its work.
    """
    stages = make_stages(config)
    settings = make_settings(config, files_of(stages, config), output=output, several=several)
    if config.input is None:
        rehearse(stages, Geometry(np.linspace(-80, 80, 400), None))
    else:
        heading = read_heading(input_path(config), **reading_options(config))
        check_needs(stages, settings, heading, Console(timed=False))
    if settings.resume and (not several or is_begun(settings.output)):
        load_prepared(settings.output, fingerprint(settings.config, settings.files))
    else:
        check_writable(settings.output)
        check_ours(settings.output, settings.config, needs_of(stages.algorithm).extras)
    print(f"ok: {what_would_run(config, settings, chosen)}")


def what_would_run(config: DictConfig, settings: Settings, chosen: Mapping[str, str | None]) -> str:
    if config.input is not None:
        source = str(input_path(config))
    elif (phantom := chosen.get("phantom")) is not None:
        source = f"phantom={phantom}, simulate={chosen['simulate']}"
    else:
        source = f"sample={chosen['sample']}"
    stages = ", ".join(f"{group}={chosen[group]}" for group in STAGES)
    verb = "would go on with" if settings.resume else "would run"
    return f"{verb} {source} with {stages}; results in {settings.output}"
