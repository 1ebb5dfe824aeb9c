"""The overview of several series: complete, in the order given, without a ranking, self-contained."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recon.errors import UserError
from recon.io import write_volume
from recon.report.overview import COLUMNS, Row, write_overview
from recon.run.folder import OVERVIEW, check_report
from recon.series import Volume

HOSTILE = """</script><script>alert(1)</script>"><img src=x onerror='alert(2)'> {{ 7*7 }} & ü"""
MakeRow = Callable[..., Row]


@pytest.fixture
def make_row(tmp_path: Path) -> MakeRow:
    """A finished series in out/NAME: a volume of 4 x 6 x 300 that is bright at x >= 150 in row 3."""

    def make(name: str, *, failure: str = "", begun: bool = True, **entries: object) -> Row:
        folder = tmp_path / "out" / name
        folder.mkdir(parents=True)
        record = {
            "format_version": 1,
            "algorithm": "sirt",
            "residual": 0.125,
            "seconds": 3.25,
            "angles_deg": [10.0, -60.0, 58.0],
            "axis_deg": 86.512,
            "trust": {"withheld": {"sirt": 0.25, "tv": 0.5}},
            "warnings": [],
        } | entries
        (folder / "run.json").write_text(json.dumps(record), "utf-8")
        volume = np.zeros((4, 6, 300), np.float32)
        volume[:, 3, 150:] = 1
        write_volume(Volume(torch.from_numpy(volume), 1.0, unit="x"), folder / "tomogram.mrc")
        page = folder / "report.html"
        page.write_text("page")
        return Row(name, "", f"data/{name}.mrc", folder, page, failure, begun)

    return make


def table(page: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((page.parent / OVERVIEW[1]).read_text("utf-8"))))


def test_a_row_for_each_series_in_the_order_given(make_row: MakeRow, tmp_path: Path) -> None:
    rows = [
        make_row("worse", residual=0.5),
        make_row("broken", failure="it is truncated; copy it again"),
        make_row("better", residual=0.01, warnings=["the axis is unsure", "second"]),
        make_row("later", begun=False),
    ]
    page = write_overview(tmp_path / "out", rows)
    found = table(page)
    assert list(found[0]) == list(COLUMNS)
    assert [r["series"] for r in found] == ["worse", "broken", "better", "later"]
    assert [r["status"] for r in found] == ["done", "failed", "done", "waiting"]
    assert found[0] | {"series": "", "folder": "", "input": ""} == {
        "series": "",
        "run": "",
        "folder": "",
        "status": "done",
        "input": "",
        "views": "3",
        "tilt_from_deg": "-60.0",
        "tilt_to_deg": "58.0",
        "axis_deg": "86.512",
        "residual": "0.5",
        "withheld": "0.25",
        "seconds": "3.25",
        "warnings": "0",
        "first_warning": "",
        "failure": "",
    }
    assert found[1]["failure"] == "it is truncated; copy it again"
    assert found[1]["residual"] == ""
    assert (found[2]["warnings"], found[2]["first_warning"]) == ("2", "the axis is unsure")
    text = page.read_text("utf-8")
    order = [text.index(f">{name}<") for name in ("worse", "broken", "better", "later")]
    assert order == sorted(order)
    assert "4 series: 2 finished, 1 failed, 1 to come" in text
    assert "failed: it is truncated; copy it again" in text
    assert "-60° to 58°" in text
    assert "86.51°" in text


def test_nothing_is_ranked(make_row: MakeRow, tmp_path: Path) -> None:
    rows = [make_row("a", residual=0.5), make_row("b", residual=0.01)]
    text = write_overview(tmp_path / "out", rows).read_text("utf-8")
    body = text[text.index("<tbody>") : text.index("</tbody>")]
    assert not re.search(r"best|<b>|<strong>", body)


def test_the_picture_is_the_middle_slice(make_row: MakeRow, tmp_path: Path) -> None:
    """Row 3 of 6 is dark on the left and bright on the right; the others are black."""
    text = write_overview(tmp_path / "out", [make_row("a"), make_row("b")]).read_text("utf-8")
    uri = re.findall(r'<img src="data:image/png;base64,([^"]+)"', text)
    assert len(uri) == 2
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri[0]))))
    assert max(image.shape) <= 128
    middle = image.shape[1] // 2
    assert image[:, : middle - 1].max() == 0
    assert image[:, middle + 1 :].min() == 255


def test_nothing_is_fetched_and_links_are_relative(make_row: MakeRow, tmp_path: Path) -> None:
    row = make_row("a #1%")
    text = write_overview(tmp_path / "out", [row, make_row("b")]).read_text("utf-8")
    assert re.findall(r'href="([^"]+)"', text) == [
        "data:,",
        "a%20%231%25/report.html",
        "b/report.html",
    ]
    assert not re.search(r"https?://", text)
    assert str(tmp_path) not in text.replace(f"<span>{tmp_path / 'out'}</span>", "")


def test_names_and_sentences_are_text(make_row: MakeRow, tmp_path: Path) -> None:
    good = make_row("a", warnings=[HOSTILE])
    bad = Row(HOSTILE, HOSTILE, HOSTILE, tmp_path / "x", tmp_path / "x/report.html", HOSTILE)
    page = write_overview(tmp_path / "out", [good, bad])
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "onerror='alert" not in text
    assert "{{ 7*7 }}" in text
    assert table(page)[1]["failure"] == HOSTILE


def test_a_run_that_left_nothing_is_a_failed_row(make_row: MakeRow, tmp_path: Path) -> None:
    row = make_row("a")
    (row.folder / "tomogram.mrc").unlink()
    gone = make_row("b")
    (gone.folder / "run.json").unlink()
    page = write_overview(tmp_path / "out", [row, gone])
    assert [r["status"] for r in table(page)] == ["done", "failed"]
    assert "run.json is missing" in page.read_text("utf-8")
    assert "no picture" in page.read_text("utf-8")


def test_our_page_is_known_as_ours(make_row: MakeRow, tmp_path: Path) -> None:
    write_overview(tmp_path / "out", [make_row("a"), make_row("b")])
    check_report(tmp_path / "out", OVERVIEW)
    (tmp_path / "out" / OVERVIEW[0]).unlink()
    with pytest.raises(UserError, match=r"overview\.csv there would be replaced"):
        check_report(tmp_path / "out", OVERVIEW)
