"""The scores in one honest line."""

from __future__ import annotations

from collections.abc import Mapping

NO_LEAD = 0.02  # a smaller lead is called none: other noise would turn it round


def verdict(trust: Mapping[str, object], name: str) -> str:
    """One honest line: who predicts unseen views better, and by how much."""
    errors = trust["withheld"]
    assert isinstance(errors, dict)
    others = {other: error for other, error in errors.items() if other != name}
    invented = (
        f"{100 * float(str(trust['invented_fraction'])):.0f} % of the energy of {name} "
        f"lies "
        f"where nothing was measured"
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
