"""``--help``: the groups with their choices, and every option of what is chosen, explained by the
comments of the YAML files."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from recon.command.catalogue import (
    choices_of,
    defaults_of,
    options_of,
    read_config_file,
    title_of,
)
from recon.command.compose import compose_config

HEADS = {
    "reconstruct": """\
usage: tiltwise reconstruct [TILT_SERIES] [option=value ...]
       tiltwise reconstruct TILT_SERIES algorithm=wbp,sirt,tv -m     several in turn
       tiltwise reconstruct A.mrc B.mrc C.mrc [option=value ...]     several series, a folder each

From a raw electron-tomography tilt series to a tomogram. python reconstruct.py does the same.

Several series (paths, a glob, or input=[a.mrc,b.mrc]) are independent: all options hold for each,
each gets its own folder in output=, named by the series, and overview.html lists them. One that
fails does not stop the others; the exit status is 2 if any failed. The same command with
resume=true output=DIR keeps what is finished and goes on. With -m, each series is reconstructed in
every way and gets its own comparison:

  tiltwise reconstruct 'data/*.mrc' algorithm=sirt,tv -m output=results
""",
    "train": """\
usage: tiltwise train task=irdm [option=value ...]

Train a network on synthetic phantoms, made while it trains. The same command goes on where it was
stopped. python train.py does the same.
""",
}
FOOT = "--cfg job prints the options only; --hydra-help explains the command line's own."
COLUMN, NARROWEST = 34, 60
_SEVERAL = re.compile(r"(\w+=\w+),[\w,]+")  # algorithm=wbp,sirt of a multirun


def help_text(command: str, words: Sequence[str], configs: Path, width: int | None = None) -> str:
    """The whole page for the overrides ``words``, ``width`` columns wide (None: the terminal's, 100
    where there is none).

    Raises ``UserError`` for words that cannot be composed.
    """
    columns = shutil.get_terminal_size((100, 24)).columns if width is None else width
    columns = max(columns, NARROWEST)
    words = [found[1] if (found := _SEVERAL.fullmatch(w)) else w for w in words]
    config, chosen = compose_config(configs, command, words)
    rows: list[str] = [HEADS[command]]
    rows += _groups(configs, command, chosen, columns)
    rows += _options(configs, command, config, chosen, columns)
    return "\n".join([*rows, "", FOOT])


def _groups(
    configs: Path, command: str, chosen: Mapping[str, str | None], columns: int
) -> Iterator[str]:
    entries = defaults_of(configs, command)
    yield "Groups: choose one of each, as in " + (
        "task=irdm" if command == "train" else "align=none"
    )
    yield "(* is what this command would use)"
    for entry in entries:
        if entry.group and not entry.package:
            yield from ("", *_row(entry.group, entry.comment, columns, indent=0))
            yield from _choices(configs, entry.group, chosen.get(entry.group), columns)
    if families := sorted({c.group for c in entries if c.group and c.package}):
        for group in families:
            packages = sorted({str(c.package).partition(".")[0] for c in entries if c.package})
            says = (
                f"under {' and '.join(packages)}: ~{packages[0]}.NAME leaves one out, "
                f"+{group}@{packages[0]}.NAME=NAME adds one"
            )
            yield from ("", *_row(group, says, columns, indent=0))
            used = {c.option for c in entries if c.group == group}
            yield from _choices(configs, group, used, columns)
    if command == "reconstruct":
        yield from ("", *_row("model", "recipes: +model=NAME sets several at once", columns, 0))
        yield from _choices(configs, "model", chosen.get("model"), columns)


def _choices(configs: Path, group: str, used: str | set[str] | None, columns: int) -> Iterator[str]:
    marked = {used} if isinstance(used, str) else used or set()
    for choice in choices_of(configs, group):
        mark = "*" if choice in marked else " "
        yield from _row(f"{mark} {choice}", title_of(configs, group, choice), columns, indent=2)


def _options(
    configs: Path,
    command: str,
    config: DictConfig,
    chosen: Mapping[str, str | None],
    columns: int,
) -> Iterator[str]:
    """Every option of the composed config, the root's first, then group by group."""
    entries = defaults_of(configs, command)
    yield from ("", "Options, and what this command would use")
    yield ""
    root = read_config_file(configs / f"{command}.yaml").options
    for key in (k for k in root if k in config):
        yield from _option(key, _value(config, key, chosen), root[key], columns)
    order = [f"{c.group}@{c.package}" if c.package else str(c.group) for c in entries]
    for place in [*(p for p in order if p in chosen), *(p for p in chosen if p not in order)]:
        choice = chosen[place]
        group, _, package = place.partition("@")
        package = package or group
        if choice is None or group.startswith("hydra") or group == "model":
            continue
        node = OmegaConf.select(config, package)
        if node is None:  # left out with ~families.NAME
            continue
        comments = options_of(configs, group, choice)
        names = list(_flattened(node))
        if names:
            yield from ("", f"{package} ({choice})")
        said: set[str] = set()
        for name in names:
            above = name.rpartition(".")[0]
            if above and above not in said:
                said.add(above)
                yield from _row(f"{package}.{above}:", comments.get(above, ""), columns, indent=2)
            whole = f"{package}.{name}"
            yield from _option(
                whole, _value(config, whole, chosen), comments.get(name, ""), columns
            )


def _flattened(node: DictConfig, above: str = "") -> Iterator[str]:
    """Dotted names of the values in a group's node, but for Hydra's own keys."""
    for key in node:
        name = f"{above}{key!s}"
        if str(key).startswith("_"):
            continue
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            yield from _flattened(child, f"{name}.")
        else:
            yield name


def _value(config: DictConfig, name: str, chosen: Mapping[str, str | None]) -> str:
    """As one would type it."""
    above, _, key = name.rpartition(".")
    node = OmegaConf.select(config, above) if above else config
    raw = str(OmegaConf.to_container(node, resolve=False)[key])  # type: ignore[index, call-overload]
    if found := re.fullmatch(r"\$\{hydra:runtime\.choices\.(\w+)\}", raw):
        return str(chosen.get(found[1]))  # Hydra's resolver works in a run only
    return _typed(node[key])


def _typed(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if OmegaConf.is_list(value):
        return f"[{','.join(_typed(v) for v in value)}]"  # type: ignore[attr-defined]
    return str(value)


def _option(name: str, value: str, comment: str, columns: int) -> Iterator[str]:
    return _row(f"{name}={value}", comment, columns, indent=2)


def _row(left: str, right: str, columns: int, indent: int) -> Iterator[str]:
    """``left``, and ``right`` wrapped in a column of its own, from the next line on where ``left``
    is long."""
    left = " " * indent + left
    lines = textwrap.wrap(right, columns - COLUMN, break_on_hyphens=False)
    if not lines:
        yield left
        return
    if len(left) > COLUMN - 2:
        yield left
    else:
        yield f"{left:<{COLUMN}}{lines.pop(0)}"
    yield from (" " * COLUMN + line for line in lines)
