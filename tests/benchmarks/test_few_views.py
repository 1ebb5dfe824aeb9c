"""Few views: the problem is what it says, and the committed table is whole and the README's."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from benchmarks import few_views, few_views_summary
from benchmarks.few_views import COLUMNS, METHODS, SEEDS, TABLE, main, problem_of
from benchmarks.quality_summary import README
from benchmarks.rows import read


def test_the_noise_is_that_of_counts() -> None:
    problem = problem_of("nanoparticle", "+-60 deg, every 10", 50.0, 0)
    clean = problem.A(problem.truth)
    gain = 50.0 / float(clean.max())
    assert problem.y.shape == (13, few_views.ROWS, few_views.SIZE)
    counts = problem.y * gain
    torch.testing.assert_close(counts, counts.round(), rtol=0, atol=1e-3)
    bright = clean * gain > 10
    chi2 = ((counts - clean * gain) ** 2 / (clean * gain))[bright].mean()
    assert abs(float(chi2) - 1) < 0.1


def test_what_is_there_is_not_run_again(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(few_views, "FAMILIES", {"nanoparticle": few_views.FAMILIES["nanoparticle"]})
    monkeypatch.setattr(few_views, "VIEWS", {"+-60 deg, every 10": (60.0, 10.0)})
    monkeypatch.setattr(few_views, "COUNTS", (5.0,))
    table = tmp_path / "few_views.csv"
    for methods in (["wbp"], ["wbp", "sirt"]):
        main(["--seeds", "0", "--methods", *methods], table)
    rows = read(table)
    assert [row["method"] for row in rows] == ["wbp", "sirt"]
    assert float(rows[1]["psnr_db"]) > float(rows[0]["psnr_db"])


def test_the_table_is_whole_and_the_readmes() -> None:
    rows = read(TABLE)
    cases = itertools.product(few_views.FAMILIES, few_views.VIEWS, few_views.COUNTS, SEEDS, METHODS)
    wanted = {(f, v, f"{c:g}", str(s), m) for f, v, c, s, m in cases}
    assert {tuple(row[c] for c in COLUMNS[:5]) for row in rows} == wanted
    assert np.isfinite([float(row["psnr_db"]) for row in rows]).all()
    text = README.read_text("utf-8")
    inside = text.split(few_views_summary.BEGIN)[1].split(few_views_summary.END)[0]
    assert inside == few_views_summary.table(rows)
