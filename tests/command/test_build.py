"""The YAML is the registry: every option composes, builds, and has exactly its function's
keywords."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from recon.cli import CONFIGS
from recon.command.build import build
from recon.command.config import make_settings, make_stages
from recon.errors import UserError
from recon.run.plan import COPIES

OPTIONS = sorted(
    p.relative_to(CONFIGS).with_suffix("").as_posix() for p in CONFIGS.glob("*/*.yaml")
)
# What the engine passes at run time, not the user.
RUNTIME = {
    "projector": {"geometry", "volume_zx", "width"},
    "preprocess": {"series"},
    "align": {"series", "threads", "given"},
    "algorithm": {"A", "y", "start", "callback", "extras"},
    "sample": set(),
    "phantom": {"given"},
    "simulate": {"family"},
    "trust": {"A", "y", "method", "noise", "tv_weight"},
    "analyze": {"volume", "known"},
    "task": {"network"},
    "network": set(),
    "trainer": set(),
    "ranges": set(),
    "sizes": set(),
}


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        yield


def composed(*words: str) -> DictConfig:
    command = (
        "train"
        if words and words[0].split("=")[0] in ("task", "network", "trainer", "ranges", "sizes")
        else "reconstruct"
    )
    return compose(command, overrides=list(words), return_hydra_config=command == "train")


@pytest.mark.parametrize("option", [o for o in OPTIONS if not o.startswith("model/")])
def test_every_option_builds_and_matches_its_function(hydra: None, option: str) -> None:
    group, name = option.split("/")
    node = composed(f"{group}={name}")[group]
    built = build(node)
    assert isinstance(built, functools.partial)
    keywords = set(inspect.signature(built.func).parameters) - RUNTIME[group]
    assert set(node) - {"_target_", "_partial_"} == keywords


@pytest.mark.parametrize("option", [o for o in OPTIONS if not o.startswith("model/")])
def test_the_file_states_the_functions_own_defaults(hydra: None, option: str) -> None:
    """Unless the file is a variant, whose point is to differ."""
    simulations = ("haadf_low_dose", "brightfield", "continuous", "fiducials", "crystals")
    if option in ("network/irdm2020", "trainer/gpu", "trainer/ddp"):
        pytest.skip("a variant of the group's default")
    if option in (
        "preprocess/brightfield",
        "preprocess/none",
        *(f"simulate/{s}" for s in simulations),
    ):
        pytest.skip("a variant of the group's haadf")
    group, name = option.split("/")
    node = composed(f"{group}={name}")[group]
    parameters = inspect.signature(build(node).func).parameters
    for key, value in node.items():
        if not key.startswith("_"):
            stated = (
                instantiate(value) if OmegaConf.is_dict(value) else value
            )  # options that are an object of their own
            default = parameters[key].default
            assert (list(default) if isinstance(default, tuple) else default) == stated, key


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.startswith("model/")])
def test_every_recipe_builds(hydra: None, option: str) -> None:
    stages = make_stages(composed(f"+{option.replace('/', '=')}"))
    assert callable(stages.algorithm)


def test_every_algorithm_has_a_memory_plan() -> None:
    assert set(COPIES) == {p.stem for p in CONFIGS.glob("algorithm/*.yaml")}


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "recon.cli.os.system",
        "recon.io.mrc.read.np.load",
        "recon",
        "subprocess.run",
        "torch.load",
        "recon.cli._OVERRIDE",
    ],
)
def test_a_foreign_target_is_refused(target: str) -> None:
    with pytest.raises(UserError, match="_target_"):
        build(OmegaConf.create({"_target_": target, "_partial_": True}))


def test_a_foreign_target_is_refused_at_any_depth() -> None:
    node = OmegaConf.create(
        {
            "_target_": "recon.preprocess.preprocess",
            "_partial_": True,
            "a": [{"b": {"_target_": "os.system"}}],
        }
    )
    with pytest.raises(UserError, match=r"os\.system"):
        build(node)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("algorithm.n_iterations=many", "a whole number"),
        ("algorithm.n_iterations=1.5", "a whole number"),
        ("algorithm.minimum=low", "a number or null"),
        ("preprocess.log=3", "true or false"),
        ("preprocess.normalise=all", "none or mean"),
        ("+algorithm.n_steps=3", "n_iterations"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_sentence(hydra: None, word: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        make_stages(composed(word))


@pytest.mark.parametrize(
    "word",
    [
        "threads=0",
        "threads=two",
        "memory_gb=-1",
        "memory_gb=lots",
        "also=[png]",
        "thickness_px=1.5",
        "resume=true",
    ],
)
def test_settings_are_checked(hydra: None, word: str) -> None:
    with pytest.raises(UserError, match=word.split("=")[0]):
        make_settings(composed(word))


def test_output_names_the_input_and_the_time(hydra: None) -> None:
    assert make_settings(composed("input='a b/needle.x.mrc'")).output.parent == Path("runs/needle")
    assert make_settings(composed("output=/tmp/here")).output == Path("/tmp/here")
