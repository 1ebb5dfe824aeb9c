"""A sentence for a command line that Hydra could not compose, with the name that was probably
meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf


def sentence(
    error: Exception, words: Sequence[str], configs: Path, command: str = "reconstruct"
) -> str:
    """``error``: what Hydra raised for ``words`` of a command. One line: what was given, what
    exists, what to write."""
    text = str(error).strip()
    first = " ".join(text.splitlines()[:1]) or type(error).__name__
    if found := re.search(r"Could not override '([^']+)'", text):
        name = found.group(1)
        known = option_names(configs, command)
        if moved := moved_option(name, known):
            return moved
        if name in known or name.split("@")[0] in known:
            return (
                f"{name} cannot be set like this ({_reason(text)}); check its value, or see --help"
            )
        close = difflib.get_close_matches(name, known, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else "see --help for all options"
        return f"there is no option {name}; {hint}"
    if found := re.search(r"Could not find '([^']+)/([^'/]+)'", text):
        group, choice = found.groups()
        choices = sorted(p.stem for p in (configs / group).glob("*.yaml"))
        close = difflib.get_close_matches(choice, choices, 1, 0.5)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"{group}={choice} given, one of {', '.join(choices)} wanted; {hint}see --help"
    if loose := [w for w in words[1:] if "=" not in w and not w.startswith(("-", "~", "+"))]:
        return (
            f"{loose[0][:100]} stands among the options; a tilt series comes first, and every "
            f"option is written key=value"
        )
    if "Ambiguous value" in text:
        return f"{_culprit(text, words)} names several; add -m to run them in turn, or choose one"
    if (
        "mismatched input" in text
        or "no viable alternative" in text
        or "token recognition" in text
        or "extraneous input" in text
    ):
        return (
            f"the option {_culprit(text, words)} cannot be read ({first}); put quotes around "
            f"values with special characters: \"key='a,b'\""
        )
    return f"{first}; see --help"


def moved_option(name: str, known: Sequence[str]) -> str | None:
    """The sentence for an option that lies deeper in its group now, as ``simulate.views.step_deg``
    for ``simulate.step_deg``: the options of the group that end in the same word. None if there
    are none.
    """
    group, _, word = name.partition(".")
    now = [k for k in known if k.startswith(f"{group}.") and k.endswith(f".{word}") and k != name]
    return f"{name} was given; it is {' or '.join(now)} now" if word and now else None


def group_names(configs: Path, command: str) -> list[str]:
    """The groups that a command chooses from: those of its defaults, and for ``reconstruct`` the
    recipes."""
    defaults = OmegaConf.load(configs / f"{command}.yaml").defaults
    chosen = {
        str(key)
        for entry in defaults
        if OmegaConf.is_dict(entry)
        for key in entry
        if " " not in str(key) and "@" not in str(key)
    }
    return sorted(chosen | ({"model"} if command == "reconstruct" else set()))


def groups_listed(configs: Path, command: str) -> str:
    """A line for every group with its options, for ``--help``."""
    options = {
        name: sorted(p.stem for p in (configs / name).glob("*.yaml"))
        for name in group_names(configs, command)
    }
    return "\n".join(f"{name}: {', '.join(found)}" for name, found in options.items())


def option_names(configs: Path, command: str = "reconstruct") -> list[str]:
    """All names that can stand before ``=``: keys of the root, groups, and what their files hold at
    any depth, such as ``simulate.views.step_deg``."""
    root = OmegaConf.load(configs / f"{command}.yaml")
    names = [str(k) for k in root if k not in ("defaults", "hydra")]
    for group in (configs / name for name in group_names(configs, command)):
        names.append(group.name)
        if group.name == "model":
            continue
        for file in group.glob("*.yaml"):
            names += _keys(OmegaConf.load(file), group.name)
    return sorted(set(names))


def _keys(node: Any, name: str) -> list[str]:
    """``name.key`` for every key of ``node`` and of the nodes inside it; none is resolved."""
    found: list[str] = []
    for key in node:
        if str(key).startswith("_") or str(key) == "defaults":
            continue
        found.append(f"{name}.{key}")
        if not OmegaConf.is_interpolation(node, key) and OmegaConf.is_dict(node[key]):
            found += _keys(node[key], f"{name}.{key}")
    return found


def _culprit(text: str, words: Sequence[str]) -> str:
    named = [w for w in words if w in text]
    return (
        max(named, key=len)
        if named
        else next((w for w in words if re.search(r"[\[\]{}()$,'\"\\]|[^\x00-\x7f]", w)), words[-1])
    )[:100]


def _reason(text: str) -> str:
    lines = [
        line.strip()
        for line in text.splitlines()[1:]
        if line.strip() and "HYDRA_FULL_ERROR" not in line
    ]
    return lines[0] if lines else "Hydra refused it"
