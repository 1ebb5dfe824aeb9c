"""What is said of a section, and of nothing."""

from __future__ import annotations

from recon.section.found import Section, Window
from recon.section.words import say_section, say_window

FOUND = Section(
    is_layer=True, thickness_px=42.0, thickness_error_px=3.0, pretilt_deg=3.1, pretilt_error_deg=0.4,
    x_tilt_error_deg=0.6, window=Window(thickness_px=60, centre_z_px=4.0, pretilt_deg=3.1),
)  # fmt: skip


def test_thickness_tilts_and_what_auto_would_do_are_said() -> None:
    said = say_section(FOUND, 2.0)
    assert "42 +- 3 px (84 +- 6 nm) thick" in said
    assert "pre-tilt 3.1 +- 0.4 deg, x-tilt 0 to within 1.2 deg" in said
    assert "thickness_px=auto would reconstruct 60 px" in said
    assert "nm" not in say_section(FOUND, None)


def test_nothing_is_said_of_a_needle() -> None:
    assert say_section(Section(why="vacuum is in view"), 1.0) == ""


def test_auto_says_its_numbers_or_why_it_kept_all() -> None:
    assert "thickness_px=60 centre_z_px=4 pretilt_deg=3.1" in say_window(FOUND, 256)
    assert say_window(Section(why="vacuum is in view"), 256).endswith(
        "all 256 px along z are kept, because vacuum is in view"
    )
