"""What the YAML files of ``configs`` offer: their options with the comments beside them, which are
the help, and their choices.

A parser of the few forms that our files have, not of YAML: no value is read here, and nothing but
the text of the files is needed, so that help and suggestions come at once.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recon.plugged import PLUGGED, find_offer

_COMMENT = re.compile(r"((?:\"[^\"]*\"|'[^']*'|[^\"'\s]|\s(?!#))*)\s#\s*(.*)")
_KEY = re.compile(r"( *)([A-Za-z_]\w*):(?:\s.*)?$")
_CHOICE = re.compile(r" *- (override )?/?([\w@./]+)(?:: *(\S+))?$")
NOT_OPTIONS = ("defaults", "hydra")


@dataclass(frozen=True)
class Choice:
    """One entry of a file's defaults list. ``group``: None for a file of the same folder, whose
    name ``option`` is; ``package``: where its options go, beside the group's own name."""

    group: str | None
    option: str
    comment: str = ""
    package: str | None = None
    override: bool = False


@dataclass(frozen=True)
class ConfigFile:
    """One YAML file. ``title``: the comment at its head. ``options``: dotted key -> the comment
    beside it, "" where there is none; in the order of the file. ``groups``: the keys among them
    that hold others."""

    title: str
    options: Mapping[str, str]
    groups: frozenset[str]
    defaults: tuple[Choice, ...]


@functools.cache
def read_config_file(path: Path) -> ConfigFile:
    """Parse a file of ``configs``; keys that begin with _ are no options."""
    lines = path.read_text("utf-8").splitlines()
    options: dict[str, str] = {}
    groups: set[str] = set()
    defaults: list[Choice] = []
    parents: list[tuple[int, str]] = []  # (indent, key) of the mappings that a line stands in
    for line in lines:
        text, comment = _split_comment(line)
        if entry := _CHOICE.match(text):
            if parents and parents[0][1] == "defaults":
                defaults.append(_choice(entry, comment))
            continue
        if not (found := _KEY.match(text)):
            continue
        indent, key = len(found[1]), found[2]
        parents = [p for p in parents if p[0] < indent]
        above = [p[1] for p in parents]
        parents.append((indent, key))
        if [*above, key][0] in NOT_OPTIONS or key.startswith("_"):
            continue
        if above:
            groups.add(".".join(above))
        options[".".join([*above, key])] = comment
    return ConfigFile(_title(lines), options, frozenset(groups), tuple(defaults))


@functools.cache
def options_of(configs: Path, group: str, choice: str) -> Mapping[str, str]:
    """Options of ``group=choice`` with their comments: those of the files that it builds on first,
    overruled by its own. Of code from outside only the names are known."""
    if (offer := find_offer(group, choice)) is not None:
        return {key: f"of {offer.origin}" for key in offer.options}
    file = read_config_file(configs / group / f"{choice}.yaml")
    options: dict[str, str] = {}
    for base in file.defaults:
        if base.group is None and base.option != "_self_":
            options |= options_of(configs, group, base.option)
    return options | {key: text or options.get(key, "") for key, text in file.options.items()}


def choices_of(configs: Path, group: str) -> list[str]:
    """The names that can stand behind ``group=``."""
    outside = [offer.name for offer in PLUGGED.values() if offer.group == group]
    return sorted([*(path.stem for path in (configs / group).glob("*.yaml")), *outside])


def title_of(configs: Path, group: str, choice: str) -> str:
    offer = find_offer(group, choice)
    if offer is not None:
        return f"from {offer.origin}"
    return read_config_file(configs / group / f"{choice}.yaml").title


def defaults_of(configs: Path, command: str) -> list[Choice]:
    """The groups that a command chooses from, in the order of its defaults list."""
    entries = read_config_file(configs / f"{command}.yaml").defaults
    return [c for c in entries if c.group is not None and not c.override]


def chosen_by(configs: Path, command: str, words: Sequence[str]) -> dict[str, list[str]]:
    """Group -> what a command line chooses of it (several with -m), for one that need not be right:
    the defaults, then the recipe, then the words. A group of which nothing is chosen has an empty
    list."""
    chosen = {
        c.group: [c.option] for c in defaults_of(configs, command) if c.group and not c.package
    }
    given = [w.partition("=") for w in words]
    for key, _, recipe in given:
        path = configs / "model" / f"{recipe}.yaml"
        if key == "+model" and path.is_file():
            chosen |= {c.group: [c.option] for c in read_config_file(path).defaults if c.group}
    chosen |= {key: value.split(",") for key, _, value in given if key in chosen}
    for group, names in chosen.items():
        names = [n for name in names for n in _looked_up(name, chosen)]
        chosen[group] = [n for n in names if n in choices_of(configs, group)]
    return chosen


def _looked_up(name: str, chosen: Mapping[str, list[str]]) -> list[str]:
    """``${task}`` stands for what is chosen of task."""
    return chosen.get(name[2:-1], []) if name.startswith("${") else [name]


def _choice(entry: re.Match[str], comment: str) -> Choice:
    override, key, option = entry[1] is not None, entry[2], entry[3]
    if option is None:
        return Choice(None, key, comment)
    group, _, package = key.partition("@")
    return Choice(group, option, comment, package or None, override)


def _split_comment(line: str) -> tuple[str, str]:
    """(what stands before a comment, the comment); a # within quotes begins none."""
    if line.lstrip().startswith("#"):
        return "", line.strip(" #")
    found = _COMMENT.fullmatch(line)
    return (found[1].rstrip(), found[2].strip()) if found else (line.rstrip(), "")


def _title(lines: Sequence[str]) -> str:
    """The comment lines at the head of a file, as one; ``# @package`` is Hydra's."""
    title: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            break
        if not line.startswith("# @"):
            title.append(line.strip("# "))
    return " ".join(title)
