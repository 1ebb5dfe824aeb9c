"""``tiltwise check``: everything that a run does before its work, and nothing of the work."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from omegaconf import DictConfig

from recon.command.config import files_of, input_path, make_settings, make_stages, reading_options
from recon.command.foresee import check_needs
from recon.console import Console
from recon.geometry import Geometry
from recon.io.read import read_heading
from recon.run.checkpoint import load_prepared
from recon.run.fingerprint import fingerprint
from recon.run.folder import check_ours, check_writable
from recon.run.preflight import rehearse
from recon.run.stages import Settings
from recon.stage import needs_of

STAGES = ("preprocess", "align", "projector", "algorithm", "trust", "analyze")


def print_check(config: DictConfig, chosen: Mapping[str, str | None]) -> None:
    """Build all stages, rehearse them on a tiny problem, look at the series' header and at the
    output folder; then say what would run. ``chosen``: group -> option. Nothing is written.

    Raises ``UserError`` for whatever would stop the run before its work.
    """
    stages = make_stages(config)
    settings = make_settings(config, files_of(stages, config))
    if config.input is None:
        rehearse(stages, Geometry(np.linspace(-80, 80, 400), None))
    else:
        heading = read_heading(input_path(config), **reading_options(config))
        check_needs(stages, settings, heading, Console(timed=False))
    if settings.resume:
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
