"""Things take turns, and the least of each is kept."""

from __future__ import annotations

from benchmarks.clock import take_turns


def test_turns_and_least() -> None:
    now, order = 0.0, []
    cost = {"a": iter([5.0, 2.0, 3.0]), "b": iter([20.0])}

    def run(name: str) -> str:
        nonlocal now
        order.append(name)
        now += next(cost[name])
        return f"{name}{len(order)}"

    found = take_turns(
        [lambda: run("a"), lambda: run("b")], rounds=3, budget_s=10.0, clock=lambda: now
    )
    assert order == ["a", "b", "a", "a"]  # b took its ten seconds at once
    assert found == [(2.0, "a4"), (20.0, "b2")]
