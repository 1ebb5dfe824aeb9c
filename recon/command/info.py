"""``tiltwise info FILE``: what was read, whose word it is, and what a run of it would need."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np
from omegaconf import DictConfig

from recon.acquisition import Acquisition, describe_acquisition
from recon.command.config import input_path, make_settings, make_stages, reading_options
from recon.command.foresee import check_needs, plan_slabs
from recon.command.series import series_paths
from recon.command.words import input_text
from recon.console import Console
from recon.errors import UserError
from recon.io.agree import choose_pixel
from recon.io.read import Heading, existing, open_stack, read_heading, read_tilt_series
from recon.io.stack import StackFile
from recon.machine import set_threads

COLUMN, WIDTH = 16, 100
ABOUT = {
    "bidirectional": "one side after the other",
    "dose-symmetric": "outward, both sides by turns",
}


def print_info(config: DictConfig) -> None:
    """Print what the file holds and what a run would need. Nothing is run or written.

    Raises ``UserError`` for whatever would stop the run before its work.
    """
    if config.input is None:
        raise UserError("info given without a file, a tilt series wanted: tiltwise info FILE")
    if len(paths := series_paths(config.input)) > 1:
        raise UserError(
            f"{len(paths)} tilt series given, one wanted, as info looks at one at a time: a tilt "
            f"series comes first, then option=value; tiltwise check looks at all"
        )
    config.input = input_text(paths[0])
    stages, settings = make_stages(config), make_settings(config)
    options = reading_options(config)
    file = open_stack(existing(input_path(config)))
    if options["angles"] is None and (why := volume_reason(file)):
        print("\n".join(volume_lines(file, why)))
        return
    heading = read_heading(file.path, **options)
    console = Console(timed=False)
    console.say(*series_lines(heading))
    set_threads(settings.threads)
    check_needs(stages, settings, heading, console)
    console.say(plan_slabs(stages, settings, heading).sentence(settings.memory_gb))
    # The pixels last: they may be many, and only now is it known that memory will do.
    series = read_tilt_series(file.path, **options).data
    low, high = float(series.min()), float(series.max())
    mean = float(np.mean([view.double().mean() for view in series]))  # one view in double at a time
    console.say(f"pixels: {low:.6g} to {high:.6g}, mean {mean:.6g}, all finite")


def series_lines(heading: Heading) -> list[str]:
    """All that is known of a tilt series before its pixels are read."""
    file, geometry = heading.file, heading.geometry
    n_views, height, width = file.shape
    found = describe_acquisition(geometry.angles_deg)
    nm = geometry.pixel_nm
    dropped = sorted(set(range(n_views)) - set(heading.keep))
    pairs = [
        ("format", f"{file.kind}, {n_views} views of {width} x {height} pixels (x, y)"),
        ("pixel size", "unknown" if nm is None else f"{nm:.6g} nm, from {heading.pixel_by}"),
        ("views dropped", ", ".join(str(view) for view in dropped)),
        ("tilt angles", f"from {heading.angles_by}, in order of tilt:"),
        ("", ", ".join(f"{angle:.4g}" for angle in np.sort(geometry.angles_deg))),
        ("range", f"{found.low_deg:.4g} to {found.high_deg:.4g} degrees, {step_text(found)}"),
        ("order", order_text(found, geometry.angles_deg)),
        ("missing wedge", f"{found.wedge_deg:.4g} of 180 degrees"),
        *(("note", note) for note in heading.notes),
        *(("history", step) for step in file.history),
    ]
    rows = [line for name, text in pairs if text for line in _row(name, text)]
    return [f"{file.path.name}: a tilt series", *rows]


def step_text(found: Acquisition) -> str:
    """The step, and its extremes where they differ by more than a goniometer errs."""
    if found.largest_deg - found.least_deg <= 0.1 * found.step_deg:
        return f"step {found.step_deg:.4g}"
    return f"step {found.step_deg:.4g} ({found.least_deg:.4g} to {found.largest_deg:.4g})"


def order_text(found: Acquisition, angles_deg: np.ndarray) -> str:
    """The order of the views in the file, in words."""
    first = ", ".join(f"{angle:.4g}" for angle in angles_deg[:4])
    if found.order == "sequential":
        return f"sequential: {first}, ...; a stack that was sorted by tilt looks the same"
    if found.order == "unsorted":
        return f"unsorted: {first}, ..."
    return f"{found.order} from {found.start_deg:.4g}: {ABOUT[found.order]} ({first}, ...)"


def volume_reason(file: StackFile) -> str:
    """Why a file is taken for a finished volume; "" where nothing says so."""
    if made := next((s for s in reversed(file.history) if s.startswith("reconstructed by ")), ""):
        return made.rstrip()
    if file.path.suffix.lower() == ".rec" and not file.angles:
        return "by its name, .rec, a reconstruction"
    return ""


def volume_lines(file: StackFile, why: str) -> list[str]:
    nm, by = choose_pixel(file.pixels, None, name=file.path.name)
    n_z, n_y, n_x = file.shape
    pairs = [
        ("format", f"{file.kind}, {n_x} x {n_y} x {n_z} voxels (x, y, z)"),
        ("voxel size", "unknown" if nm is None else f"{nm:.6g} nm, from {by}"),
        ("why", why),
        *(("history", step) for step in file.history),
    ]
    rows = [line for name, text in pairs for line in _row(name, text)]
    return [f"{file.path.name}: a finished volume, no tilt series (angles= says otherwise)", *rows]


def _row(name: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, WIDTH - COLUMN, break_on_hyphens=False) or [""]
    yield f"  {name:<{COLUMN - 2}}{lines[0]}"
    yield from (" " * COLUMN + line for line in lines[1:])
