"""What the numbers of finished runs say, and what they do not, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recon.plausible import wedge_share
from recon.report.data import Run, references
from recon.trust.comparison import NO_LEAD
from recon.trust.standard import PLAIN


def verdict_paragraphs(runs: Sequence[Run]) -> list[str]:
    """What the numbers say and what they do not, one sentence or two a paragraph; the first is the
    headline."""
    done = [run for run in runs if not run.failure]
    failed = [run.label for run in runs if run.failure]
    if not done:
        return [
            f"No run finished: {_and(failed)} failed." if failed else "There are no runs to report."
        ]
    withheld = {run.label: run.numbers["withheld"] for run in done if "withheld" in run.numbers}
    withheld |= {
        name: error for name, (_, error) in references(done).items() if name not in withheld
    }
    paragraphs = []
    if len(withheld) > 1:
        paragraphs.append(
            _ranking(withheld, "on withheld views", "predict withheld views equally well", "error")
        )
        floors = [
            floor for run in done if (floor := run.record.trust.noise_share_of_data) is not None
        ]
        if floors:
            paragraphs.append(
                f"Noise alone would leave an error of about {floors[0]:.3g}: even the true volume "
                f"would not predict them better."
            )
    scored = {run.label: run.numbers["nrmse"] for run in done if "nrmse" in run.numbers}
    if len(scored) > 1:
        headline = not paragraphs
        paragraphs.append(
            _ranking(
                scored,
                "in the distance from the known truth",
                "are equally close to the known truth",
                "NRMSE",
            )
        )
        if headline:
            paragraphs.append(
                "That holds for this specimen, dose and tilt range; another specimen can turn it "
                "round."
            )
        both = [name for name in withheld if name in scored]  # a reference has no truth score
        if len(both) > 1 and min(both, key=scored.__getitem__) != min(
            both, key=withheld.__getitem__
        ):
            paragraphs.append(
                "Withheld views and truth disagree on the order; of the two, the truth decides."
            )
    if not paragraphs:
        paragraphs.append(_residual_only(done))
    paragraphs += _noise_and_wedge(done)
    paragraphs += _next_step(done, withheld)
    if failed:
        paragraphs.append(
            f"{_and(failed)} failed and {'is' if len(failed) == 1 else 'are'} not compared."
        )
    return [*_doubts(done), *paragraphs]


def _doubts(runs: Sequence[Run]) -> list[str]:
    """A result that is in doubt says so before it is praised."""
    doubted = [run for run in runs if run.record.warnings]
    if not doubted:
        return []
    count = len({w for run in doubted for w in run.record.warnings})
    whose = "" if len(runs) == 1 else f" of {_and([run.label for run in doubted])}"
    return [
        f"Read the {f'{count} warnings' if count > 1 else 'warning'}{whose} below first: what "
        "follows holds only where that is settled."
    ]


def _next_step(runs: Sequence[Run], withheld: Mapping[str, float]) -> list[str]:
    """The command to type where a method that was only scored beside is clearly ahead of all
    runs."""
    own = [error for run in runs if (error := withheld.get(run.label)) is not None]
    others = {name: e for name, e in withheld.items() if name not in {run.label for run in runs}}
    if not own or not others:
        return []
    best = min(others, key=others.__getitem__)
    if others[best] > (1 - NO_LEAD) * min(own):
        return []
    if best.endswith(PLAIN):
        return [
            f"Next: the same command with denoise=none and inpaint=none; {best}, it predicts "
            "withheld views better."
        ]
    if best not in ("tv", "sirt", "wbp"):
        return []
    return [f"Next: the same command with algorithm={best}, which predicts withheld views better."]


def _ranking(scores: Mapping[str, float], where: str, level: str, what: str) -> str:
    """Who is ahead of whom by how much; errors, smaller is better. A lead below ``NO_LEAD`` is
    called none: other noise would turn it round."""
    order = sorted(scores, key=scores.__getitem__)
    best = order[0]
    leads = {name: 1 - scores[best] / scores[name] if scores[name] else 0.0 for name in order[1:]}
    equal = [name for name in leads if leads[name] < NO_LEAD]
    others = [
        (name, f"by {100 * lead:.0f} %") for name, lead in leads.items() if name not in equal
    ][:4]
    behind = [
        f"of {name} {where} {much}" if i == 0 else f"of {name} {much}"
        for i, (name, much) in enumerate(others)
    ]
    numbers = f"({what}: {', '.join(f'{name} {scores[name]:.4g}' for name in order[:5])})"
    if not equal:
        return f"{best} is ahead {_and(behind)} {numbers}."
    ahead = f"; they are ahead {_and(behind)}" if behind else ""
    return (
        f"{_and([best, *equal])} {level} (a lead below {100 * NO_LEAD:.0f} % is no "
        f"lead){ahead} "
        f"{numbers}."
    )


def _residual_only(runs: Sequence[Run]) -> str:
    proof = (
        "a small residual alone proves nothing: noise can be fitted, and what a method puts into "
        "the missing wedge leaves no residual. "
        "Withheld views or a known truth would tell."
    )
    residuals = {run.label: run.numbers["residual"] for run in runs if "residual" in run.numbers}
    if len(residuals) > 1:
        best = min(residuals, key=residuals.__getitem__)
        return (
            f"Not decided. {best} fits its own views most closely (residual "
            f"{residuals[best]:.4g}), but {proof}"
        )
    known = (
        f"{next(iter(residuals))} leaves a residual of {next(iter(residuals.values())):.4g}, but "
        if residuals
        else "No scores: "
    )
    return f"Nothing to compare with. {known}{proof}"


def _noise_and_wedge(runs: Sequence[Run]) -> list[str]:
    paragraphs = []
    whitened = {
        run.label: run.numbers["residual_over_noise"]
        for run in runs
        if "residual_over_noise" in run.numbers
    }
    if low := [k for k, v in whitened.items() if v < 0.9]:
        paragraphs.append(
            f"{_and(low)} {'fits' if len(low) == 1 else 'fit'} the views more closely than their "
            f"noise allows: part of what is shown is noise."
        )
    if high := [k for k, v in whitened.items() if v > 1.2]:
        paragraphs.append(
            f"{_and(high)} {'leaves' if len(high) == 1 else 'leave'} more than noise in the views "
            f"(up to {max(whitened[k] for k in high):.2g} times): structure, scale or alignment is "
            f"not explained."
        )
    invented = {
        run.label: run.numbers["invented_fraction"]
        for run in runs
        if "invented_fraction" in run.numbers
    }
    if invented:
        most = max(invented, key=invented.__getitem__)
        shares = [
            wedge_share(run.angles_deg)
            for run in runs
            if run.label in invented
            and np.isfinite(run.angles_deg).all()
            and run.angles_deg.size > 1
        ]
        if shares and not max(shares):
            return paragraphs  # without a wedge there is nothing that no view measured
        right = (
            f" A right volume has about {100 * max(shares):.0f} % there, the share of directions "
            "that the wedge takes: much less means that the wedge was left empty, as "
            "back-projection leaves it."
            if shares
            else ""
        )
        paragraphs.append(
            f"{most} put {100 * invented[most]:.1f} % of its energy where no view measured"
            f"{', the most of all' if len(invented) > 1 else ''}: it may be right, but it comes "
            f"from the method, not from the microscope.{right}"
        )
    return paragraphs


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
