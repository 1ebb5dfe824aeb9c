"""One run as Hydra composed it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omegaconf import DictConfig, OmegaConf

from recon.errors import UserError


@dataclass(frozen=True, eq=False)
class Job:
    """One composed config; ``options``: what the command line chose for it."""

    config: DictConfig
    options: Mapping[str, str] = field(default_factory=dict)


def job_of(config: DictConfig, words: Sequence[str]) -> Job:
    """What Hydra composed of the overrides ``words``, with nothing left to look up. Raises
    ``UserError`` for two inputs."""
    pairs = [word.lstrip("+~").partition("=")[::2] for word in words]
    if sum(key == "input" for key, _ in pairs) > 1:
        raise UserError(
            "a tilt series and input= given, one of them wanted; leave input= out, or write "
            "input=[a.mrc,b.mrc]"
        )
    config = copy.deepcopy(config)
    OmegaConf.resolve(config)
    return Job(config, dict(pairs))
