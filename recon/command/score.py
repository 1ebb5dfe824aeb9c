"""``tiltwise score FOLDER``: the trust scores of a finished run, which had none or others."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from recon.command.config import make_stages
from recon.command.registry import CONFIGS
from recon.console import Console
from recon.errors import UserError
from recon.learned.card import heard
from recon.machine import set_threads
from recon.progress import report_to
from recon.report.page import write_report
from recon.run.later import finished, score_finished
from recon.sinogram.restoration import DENOISE, INPAINT


def score_folder(folder: Path, threads: int | None = None) -> None:
    """Score the run in ``folder`` as ``trust=standard`` does, and write its record and its report
    anew. Raises ``UserError``."""
    record = finished(folder)
    config = OmegaConf.create(dict(record.config))
    if not isinstance(config, DictConfig) or "algorithm" not in config:
        raise UserError(f"run.json in {str(folder)[-150:]} says no options; run it again")
    # The stages before are not built from files that may be gone.
    config.input, config.trust = None, OmegaConf.load(CONFIGS / "trust" / "standard.yaml")
    for option in ("angles", "pixel_nm", "dataset"):
        config[option] = None
    config.exclude, config.phantom = [], None
    config.align = OmegaConf.load(CONFIGS / "align" / "none.yaml")
    config.analyze = OmegaConf.load(CONFIGS / "analyze" / "none.yaml")
    for group in (DENOISE, INPAINT):  # a run of before there were these
        if group not in config:
            config[group] = OmegaConf.load(CONFIGS / group / "none.yaml")
    stages = make_stages(config)
    method = stages.algorithm.but(
        {k: v for k, v in record.options.items() if k in stages.algorithm.options}
    )
    set_threads(threads or record.threads or 1)
    console = Console()
    with heard(console.warn), report_to(console.show):
        said = score_finished(
            folder, record, method, stages.projector, stages.trust, stages.restore
        )
        console.say(said)
        page = write_report(folder, [folder])
    console.say(f"report: {page}")
