"""A config composed without running anything: for help, ``info`` and ``check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from recon.command.plugins import check_only_here, plug_in
from recon.command.suggest import mistake
from recon.errors import UserError


def compose_config(
    configs: Path, command: str, words: Sequence[str]
) -> tuple[DictConfig, dict[str, str | None]]:
    """(the config, what is chosen of every group) for the overrides ``words``. Raises ``UserError``
    for words that Hydra cannot compose."""
    plug_in(words)
    try:
        with initialize_config_dir(str(configs), version_base="1.3"):
            config = compose(command, overrides=list(words), return_hydra_config=True)
    except Exception as error:
        if (text := mistake(error, words, configs, command)) is None:
            raise
        raise UserError(text) from error
    choices = {
        str(group): None if choice is None else str(choice)
        for group, choice in config.hydra.runtime.choices.items()
    }
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    OmegaConf.set_struct(config, True)
    check_only_here(config, words)
    return config, choices
