"""The scores in one honest line."""

from __future__ import annotations

from recon.trust.scores import TrustScores

NO_LEAD = 0.02  # a smaller lead is called none: other noise would turn it round


def compare_predictions(scores: TrustScores, name: str) -> str:
    """One honest line: who predicts unseen views better, ``name`` or the best of the others, and by
    how much."""
    errors = scores.withheld
    others = {other: error for other, error in errors.items() if other != name}
    invented = (
        f"{100 * (scores.invented_fraction or 0.0):.0f} % of the energy of {name} lies where "
        f"nothing was measured"
    )
    if not others:
        return f"withheld views are missed by {errors[name]:.4f} of the data; {invented}"
    best = min(others, key=lambda other: others[other])
    mine, theirs = errors[name], others[best]
    if abs(mine - theirs) < NO_LEAD * max(mine, theirs):
        return (
            f"{name} and {best} predict withheld views equally well (errors {mine:.4f} and "
            f"{theirs:.4f} of the data); {invented}"
        )
    ahead, behind = (name, best) if mine < theirs else (best, name)
    percent = 100 * (1 - errors[ahead] / errors[behind])
    return (
        f"{ahead} is ahead of {behind} on withheld views by {percent:.0f} % (errors "
        f"{errors[ahead]:.4f} and {errors[behind]:.4f} of the data); "
        f"{invented}"
    )
