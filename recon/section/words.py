"""What was found of a section, in a sentence."""

from __future__ import annotations

from recon.section.found import Section


def say_section(section: Section, pixel_nm: float | None) -> str:
    """For the log and the report; empty where there is no layer."""
    if not section.is_layer or section.thickness_px is None:
        return ""
    thick, error = section.thickness_px, section.thickness_error_px or 0.0
    nm = "" if pixel_nm is None else f" ({thick * pixel_nm:.3g} +- {error * pixel_nm:.2g} nm)"
    slopes = [
        _slope(name, angle, off)
        for name, angle, off in (
            ("pre-tilt", section.pretilt_deg, section.pretilt_error_deg),
            ("x-tilt", section.x_tilt_deg, section.x_tilt_error_deg),
        )
        if off is not None
    ]
    auto = section.window.thickness_px
    kept = "keep all of z" if auto is None else f"reconstruct {auto} px"
    return (
        f"the specimen is a section, {thick:.0f} +- {error:.0f} px{nm} thick, {', '.join(slopes)}; "
        f"thickness_px=auto would {kept}"
    )


def say_window(section: Section, width: int) -> str:
    """What ``thickness_px=auto`` came to, with the numbers that give the same."""
    window = section.window
    if window.thickness_px is None:
        why = section.why or "the section with its margin is as high as the views are wide"
        return f"thickness_px=auto: all {width} px along z are kept, because {why}"
    turned = (
        f", {window.pretilt_deg:g} deg taken from all tilts so that it lies flat"
        if window.pretilt_deg
        else ""
    )
    return (
        f"thickness_px=auto: {window.thickness_px} of {width} px along z, their middle at "
        f"z = {window.centre_z_px:g} px{turned}, {window.extend_px} px wider than the views on both "
        f"sides for what high tilts see there; the same by numbers: {window.options}"
    )


def _slope(name: str, angle_deg: float, error_deg: float | None) -> str:
    off = error_deg or 0.0
    if angle_deg == 0:
        return f"{name} 0 to within {max(2 * off, 0.1):.1f} deg"
    return f"{name} {angle_deg:.1f} +- {max(off, 0.1):.1f} deg"
