"""A sentence for a command line that Hydra could not compose, with the name that was probably
meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from recon.command.catalogue import (
    choices_of,
    chosen_by,
    defaults_of,
    options_of,
    read_config_file,
)

# What other programs call our options, without underscores; where the chosen stages have no such
# option, nothing is said of it.
SYNONYMS = {
    "tiltaxis": "align.axis_deg",
    "axis": "align.axis_deg",
    "rotation": "align.axis_deg",
    "rotationangle": "align.axis_deg",
    "iterations": "algorithm.n_iterations",
    "niter": "algorithm.n_iterations",
    "iter": "algorithm.n_iterations",
    "lambda": "algorithm.weight",
    "regularization": "algorithm.weight",
    "regularisation": "algorithm.weight",
    "binning": "preprocess.bin",
    "tiltangles": "angles",
    "tilts": "angles",
    "pixelsize": "pixel_nm",
    "voxelsize": "pixel_nm",
    "apix": "pixel_nm",
    "ram": "memory_gb",
    "cores": "threads",
    "cpus": "threads",
    "jobs": "threads",
    "outdir": "output",
    "out": "output",
    "format": "also",
    "skip": "exclude",
    "lr": "trainer.learning_rate",
    "batchsize": "task.batch",
}
MOST = 3  # names that still make a sentence
MOST_CHOICES = 6


def mistake(
    error: Exception, words: Sequence[str], configs: Path, command: str = "reconstruct"
) -> str | None:
    """The sentence for what composing ``words`` raised; None for a fault that is not theirs."""
    if isinstance(error, HydraException | OmegaConfBaseException):
        return sentence(error, words, configs, command)
    if isinstance(error, ValueError) and "Config group" in str(error):
        return f"{error}; choose one of the group's options, see --help"
    return None


def sentence(
    error: Exception, words: Sequence[str], configs: Path, command: str = "reconstruct"
) -> str:
    """``error``: what Hydra raised for ``words`` of a command. One line: what was given, what
    exists, what to write."""
    text = str(error).strip()
    first = " ".join(text.splitlines()[:1]) or type(error).__name__
    if found := re.search(r"Could not override '([^']+)'", text):
        return _about_option(found.group(1), text, words, configs, command)
    if found := re.search(r"Could not find '([^']+)/([^'/]+)'", text):
        group, choice = found.groups()
        if "/" in group:  # a path where a name is wanted
            group = group.partition("/")[0]
            file = f"; a file goes to {group}=file {group}.path=" * (
                "file" in choices_of(configs, group)
            )
            return f"{group}=... given with a path, one of its options wanted{file}; see --help"
        choices = choices_of(configs, group)
        close = _close_choice(choice, choices)
        hint = f"did you mean {close}? " if close else ""
        return f"{group}={choice} given, one of {', '.join(choices)} wanted; {hint}see --help"
    if loose := [w for w in words[1:] if "=" not in w and not w.startswith(("-", "~", "+"))]:
        return (
            f"{loose[0][:100]} stands among the options; a tilt series comes first, and every "
            f"option is written key=value"
        )
    if "Ambiguous value" in text:
        if (word := _culprit(text, words)).startswith("input="):
            several = word.partition("=")[2]
            return f"{word} names several; write input=[{several}], or the paths alone: a.mrc b.mrc"
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
    chosen = {c.group for c in defaults_of(configs, command) if c.group and not c.package}
    return sorted(chosen | ({"model"} if command == "reconstruct" else set()))


def option_names(configs: Path, command: str = "reconstruct") -> list[str]:
    """All names that can stand before ``=``: keys of the root, groups, and ``group.key``, nested
    ones included."""
    groups = group_names(configs, command)
    every = {group: choices_of(configs, group) for group in groups if group != "model"}
    return sorted({*groups, *_names(configs, command, every)})


def _names(configs: Path, command: str, chosen: Mapping[str, Sequence[str]]) -> list[str]:
    """The root's options, and those of the ``chosen`` ones of every group, in that order."""
    names = list(read_config_file(configs / f"{command}.yaml").options)
    for group, choices in chosen.items():
        for choice in choices:
            names += [f"{group}.{key}" for key in options_of(configs, group, choice)]
    for entry in defaults_of(configs, command):
        if entry.group and entry.package:
            options = options_of(configs, entry.group, entry.option)
            names += [entry.package, *(f"{entry.package}.{key}" for key in options)]
    return list(dict.fromkeys(names))


def _about_option(name: str, text: str, words: Sequence[str], configs: Path, command: str) -> str:
    """For an option that Hydra did not find, or could not set: ``text`` is its reason."""
    groups = group_names(configs, command)
    chosen = chosen_by(configs, command, words)
    own = [*groups, *_names(configs, command, chosen)]
    every = option_names(configs, command)
    if name == "model" and name in groups:
        value = next((w.partition("=")[2] for w in words if w.startswith("model=")), "NAME")
        return f"model={value} given, +model={value} wanted; a recipe is added, so it takes a plus"
    if name in own or name.split("@")[0] in own:
        return f"{name} cannot be set like this ({_reason(text)}); check its value, or see --help"
    if moved := moved_option(name, own):
        return moved
    if name in every:
        return _of_another_choice(name, configs, chosen)
    if moved := moved_option(name, every):
        return moved
    idle = _idle(words, command)
    if close := _close_names(name, own, idle):
        return f"there is no option {name}; did you mean {' or '.join(close)}?"
    last = name.rpartition(".")[2]
    for other in every:
        if other.rpartition(".")[2] == last and other.partition(".")[0] not in idle:
            return _of_another_choice(other, configs, chosen, given=name)
    close = difflib.get_close_matches(name, every, 1, 0.6)
    hint = f"did you mean {close[0]}?" if close else "see --help for all options"
    return f"there is no option {name}; {hint}"


def _of_another_choice(
    name: str, configs: Path, chosen: Mapping[str, Sequence[str]], given: str = ""
) -> str:
    """For ``algorithm.weight`` while sirt is chosen."""
    group, _, key = name.partition(".")
    having = [c for c in choices_of(configs, group) if key in options_of(configs, group, c)]
    one = having[0] if len(having) == 1 else "NAME"
    has = "has" if len(having) == 1 else "have"
    who = ", ".join(having) if len(having) <= MOST_CHOICES else f"{len(having)} others"
    now = chosen.get(group)
    lacks = f"{group}={','.join(now)} has no {key}" if now else f"no {group} is chosen"
    as_what = f" ({name})" if given and given != name else ""
    return (
        f"{given or name} given, but {lacks}; {who} {has} it{as_what}: choose "
        f"{group}={one}, or leave the option out"
    )


def _close_names(name: str, own: Sequence[str], idle: Sequence[str]) -> list[str]:
    """Options of what is chosen that ``name`` may have meant: other programs' word, the same last
    word elsewhere, the beginning of one, one that is spelt alike; none, or up to three."""
    last = name.rpartition(".")[2].lower()
    group = name.partition(".")[0] if "." in name else ""
    in_use = [n for n in own if n.partition(".")[0] not in idle]
    meant = SYNONYMS.get(last.replace("_", ""), "")
    if meant in own and group in ("", meant.partition(".")[0]):
        return [meant]
    same_parent = [n for n in own if group and n.rpartition(".")[0] == name.rpartition(".")[0]]
    same_group = [n for n in own if group and n.startswith(f"{group}.")]
    for names in (same_parent, same_group, in_use):
        words = [n.rpartition(".")[2] for n in names]
        equal = [n for n, w in zip(names, words, strict=True) if w == last]
        begun = [n for n, w in zip(names, words, strict=True) if w.startswith(last)]
        close = difflib.get_close_matches(last, words, 1, 0.75)
        alike = [n for n, w in zip(names, words, strict=True) if w in close]
        for found in (equal, begun, alike):
            if 1 <= len(found) <= MOST and len(last) > 1:
                return found
    return difflib.get_close_matches(name, in_use, 1, 0.6)


def _idle(words: Sequence[str], command: str) -> tuple[str, ...]:
    """Groups that the command line leaves without work, and that nobody means by a bare word."""
    keys = {w.partition("=")[0] for w in words}
    if command == "train":
        return ("families", "held_out")
    if "input" in keys:
        return ("sample", "phantom", "simulate")
    return ("sample",) if "phantom" in keys else ("phantom", "simulate")


def _close_choice(choice: str, choices: Sequence[str]) -> str | None:
    """TV means tv, primal means primal_dual, srt means sirt."""
    lower = choice.lower()
    begun = [c for c in choices if c == lower] or [c for c in choices if c.startswith(lower)]
    close = difflib.get_close_matches(lower, choices, 1, 0.5)
    return begun[0] if len(begun) == 1 else next(iter(close), None)


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
