"""Several sources of angles or pixel sizes: agreement is silent, contradiction is a sentence, the
command line overrules."""

from __future__ import annotations

import numpy as np
import pytest

from recon.errors import UserError
from recon.io.agree import check_degrees, choose_angles, choose_pixel
from recon.io.stack import AngleSource, PixelSource

DEGREES = np.arange(-60.0, 61, 3)
N = DEGREES.size


def source(values: np.ndarray | list[float], name: str = "a.tlt") -> AngleSource:
    return AngleSource(name, np.asarray(values, dtype=np.float64))


def chosen(
    *sources: AngleSource, given: AngleSource | None = None, keep: list[int] | None = None
) -> tuple[np.ndarray, str]:
    found = choose_angles(
        sources, given, n_views=N, keep=list(range(N)) if keep is None else keep, name="s.mrc"
    )
    return found.values_deg, found.by


def test_the_first_source_gives_the_values_and_all_that_agree_are_named() -> None:
    angles, by = chosen(source(DEGREES + 0.3), source(DEGREES, "header"))
    np.testing.assert_array_equal(angles, DEGREES + 0.3)
    assert by == "a.tlt and header"


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (DEGREES[::-1], "disagree|reverse order|opposite sign"),
        (DEGREES + 0.6, "disagree on the tilt angles, most at view"),
        (np.roll(DEGREES, 5), "another order"),
        (DEGREES[:-1], "has 41"),
    ],
)
def test_contradiction_names_both_sources(other: np.ndarray, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught:
        chosen(source(DEGREES), source(other, "header"))
    assert "a.tlt" in str(caught.value)
    assert "header" in str(caught.value)
    np.testing.assert_array_equal(
        chosen(source(DEGREES), source(other, "header"), given=source(DEGREES + 1))[0], DEGREES + 1
    )


def test_order_and_sign_are_told_apart_when_the_range_is_not_symmetric() -> None:
    lopsided = DEGREES + 9
    with pytest.raises(UserError, match="reverse order"):
        chosen(source(lopsided), source(lopsided[::-1], "header"))
    with pytest.raises(UserError, match="opposite sign"):
        chosen(source(lopsided), source(-lopsided, "header"))


def test_angles_may_be_counted_before_or_after_exclusion() -> None:
    keep = [i for i in range(N) if i not in (0, 7)]
    np.testing.assert_array_equal(chosen(source(DEGREES), keep=keep)[0], DEGREES[keep])
    np.testing.assert_array_equal(chosen(source(DEGREES[keep]), keep=keep)[0], DEGREES[keep])
    with pytest.raises(UserError, match=r"41 projections \(39 after exclude\) but 40 tilt angles"):
        chosen(source(DEGREES[:-1]), keep=keep)


def test_refined_angles_may_depart_from_nominal_ones_and_that_is_said() -> None:
    refined = AngleSource("a.tlt", DEGREES + 2.3, refined=True)
    found = choose_angles(
        [refined, source(DEGREES, "a.rawtlt")], None, n_views=N, keep=range(N), name="s"
    )
    np.testing.assert_array_equal(found.values_deg, DEGREES + 2.3)
    assert found.by == "a.tlt"
    assert "a.rawtlt" in found.notes[0]
    assert "2.3 degrees on average" in found.notes[0]
    for other in (DEGREES[::-1], np.roll(DEGREES, 5), DEGREES + 30):  # no refinement does that
        with pytest.raises(UserError, match=r"a\.tlt and a\.rawtlt"):
            chosen(AngleSource("a.tlt", other, refined=True), source(DEGREES, "a.rawtlt"))


def test_a_stranger_does_not_beat_the_stacks_own_angles() -> None:
    own = AngleSource("header", DEGREES, own=True)
    found = choose_angles([source(DEGREES[:-1]), own], None, n_views=N, keep=range(N), name="s")
    np.testing.assert_array_equal(found.values_deg, DEGREES)
    assert "a.tlt has 40 tilt angles for 41 views and was not used" in found.notes
    with pytest.raises(UserError, match=r"opposite sign|reverse"):  # of the right length: asked
        choose_angles([source(-DEGREES), own], None, n_views=N, keep=range(N), name="s")


def test_why_a_neighbour_says_nothing_is_said() -> None:
    with pytest.raises(UserError, match=r"\(s\.mdoc lies beside it but has no TiltAngle\)"):
        choose_angles(
            [],
            None,
            n_views=N,
            keep=range(N),
            name="s",
            hint="s.mdoc lies beside it but has no TiltAngle",
        )


@pytest.mark.parametrize("step", [1, 2, 3])
def test_radians_are_recognised(step: float) -> None:
    with pytest.raises(UserError, match="radians"):
        check_degrees(source(np.deg2rad(np.arange(-60, 61, step))))
    with pytest.raises(UserError, match="radians"):
        check_degrees(source(np.round(np.deg2rad(np.arange(0, 180, step)), 3)))


@pytest.mark.parametrize(
    "values",
    [
        np.arange(-3, 3.1, 0.5),
        [-2.0, 0.0, 2.0],
        [-76.0, 0.1, 3.0, 3.2, 0.0],
        [0.0, 0.0, 30.0, 30.0, 60.0],
    ],
)
def test_small_degrees_and_duplicates_pass(values: list[float]) -> None:
    check_degrees(source(values))


def test_pixel_sizes() -> None:
    a, b, far = PixelSource("header", 3.36), PixelSource("x.mdoc", 3.4), PixelSource("x.mdoc", 6.72)
    assert choose_pixel([a, b], None, name="s")[0] == 3.36
    assert choose_pixel([], None, name="s") == (None, "")
    assert choose_pixel([a, far], 5.0, name="s") == (5.0, "pixel_nm")
    with pytest.raises(UserError, match=r"3.36 nm in header but 6.72 nm in x.mdoc"):
        choose_pixel([a, far], None, name="s")
    with pytest.raises(UserError, match="square"):
        choose_pixel([PixelSource("tags", 1.0, 2.0)], None, name="s")
    assert choose_pixel([PixelSource("tags", 1.0, 2.0)], 1.0, name="s")[0] == 1.0
