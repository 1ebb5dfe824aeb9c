"""The YAML is the registry: every option composes, builds, and has exactly its function's
keywords."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from recon.cli import CONFIGS
from recon.command import registry
from recon.command.build import build
from recon.command.config import make_settings, make_stages
from recon.errors import UserError
from recon.stage import Analysis, Bound, Method, Step

OPTIONS = sorted(
    p.relative_to(CONFIGS).with_suffix("").as_posix() for p in CONFIGS.glob("*/*.yaml")
)
# What the engine passes at run time, not the user.
RUNTIME = {
    "projector": {"geometry", "volume_zx", "width"},
    "preprocess": {"series"},
    "align": {"series", "threads", "given"},
    "algorithm": {"A", "y", "start", "callback"},
    "sample": set(),
    "phantom": {"given"},
    "simulate": {"family"},
    "denoise": {"series"},
    "inpaint": {"series"},
    "trust": {"A", "y", "method", "noise", "tv_weight", "volume", "parts"},
    "analyze": {"volume", "known", "true_positions"},
    "task": {"network"},
    "network": set(),
    "trainer": set(),
    "ranges": set(),
    "sizes": set(),
}

STAGES = {
    "algorithm": Method,
    "preprocess": Step,
    "align": Step,
    "denoise": Step,
    "inpaint": Step,
    "analyze": Analysis,
}


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        yield


def function_of(built: Any) -> Callable[..., Any]:
    """Of a declared stage, or of a function with options filled in."""
    return built.declared.run if isinstance(built, Bound) else built.func  # type: ignore[no-any-return]


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
    keywords = set(inspect.signature(function_of(build(node))).parameters) - RUNTIME[group]
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
        *(f"{of}/{task}" for of in ("ranges", "sizes") for task in ("inpaint", "ding2019")),
        *(f"simulate/{s}" for s in simulations),
    ):
        pytest.skip("a variant of the group's haadf")
    group, name = option.split("/")
    node = composed(f"{group}={name}")[group]
    parameters = inspect.signature(function_of(build(node))).parameters
    for key, value in node.items():
        if not key.startswith("_"):
            stated = (
                instantiate(value) if OmegaConf.is_dict(value) else value
            )  # options that are an object of their own
            default = parameters[key].default
            assert (list(default) if isinstance(default, tuple) else default) == stated, key


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.startswith("model/")])
def test_every_recipe_builds(hydra: None, option: str) -> None:
    words = [f"+{option.replace('/', '=')}"]
    if option == "model/joint2019":  # says how its weights are made, which do not ship
        with pytest.raises(UserError, match=r"python train\.py task=ding2019 makes them"):
            make_stages(composed(*words))
        words.append("inpaint.weights=runs/training/ding2019")
    stages = make_stages(composed(*words))
    assert callable(stages.algorithm)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.split("/")[0] in STAGES])
def test_what_the_run_must_know_of_is_declared(hydra: None, option: str) -> None:
    """An algorithm, a step or an analysis; its options are whole whatever the config repeats."""
    group, name = option.split("/")
    node = composed(f"{group}={name}")[group]
    whole = build(node)
    assert isinstance(whole, Bound)
    assert isinstance(whole.declared, STAGES[group])
    if option in ("preprocess/brightfield", "preprocess/none", "analyze/atoms"):
        return  # variants of preprocess/haadf
    bare = build(OmegaConf.create({"_target_": node["_target_"]}))
    assert bare.options == whole.options


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.startswith("algorithm/")])
def test_every_algorithm_declares_what_it_needs(hydra: None, option: str) -> None:
    method = build(composed(f"algorithm={option.split('/')[1]}").algorithm)
    needs = method.declared.needs(method.options)
    assert needs.volumes >= 1
    assert needs.stacks >= 1
    assert needs.work >= 1
    assert set(method.declared.brief(method.options)) <= set(method.options)


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
        "recon.run.folder.clear",  # ours, but no stage
        "recon.algorithms.tv.tv",
    ],
)
def test_a_foreign_target_is_refused(target: str) -> None:
    with pytest.raises(UserError, match="_target_"):
        build(OmegaConf.create({"_target_": target, "_partial_": True}))


def test_a_config_cannot_call_a_stage(hydra: None) -> None:
    """``_partial_`` is ours to set: nothing runs while a config is built."""
    node = composed("sample=phantom").sample
    node["_partial_"] = False
    assert isinstance(build(node), functools.partial)


def test_a_function_is_no_group_of_options() -> None:
    node = {
        "_target_": "recon.preprocess.PREPROCESS",
        "bin": {"_target_": "recon.simulate.ellipsoids.phantom"},
    }
    with pytest.raises(UserError, match="a group of options wanted"):
        build(OmegaConf.create(node))


def test_an_import_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError("No module named 'numba'")

    monkeypatch.setattr(registry.importlib, "import_module", absent)
    with pytest.raises(
        UserError, match=r"recon\.algorithms\.tv cannot be imported: No module named 'numba'"
    ):
        build(OmegaConf.create({"_target_": "recon.algorithms.tv.TV"}))


def test_a_foreign_target_is_refused_at_any_depth() -> None:
    node = OmegaConf.create(
        {
            "_target_": "recon.preprocess.PREPROCESS",
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
        "thickness_px=thin",
        "pretilt_deg=89",
        "centre_z_px=top",
        "resume=true",
    ],
)
def test_settings_are_checked(hydra: None, word: str) -> None:
    with pytest.raises(UserError, match=word.split("=")[0]):
        make_settings(composed(word))


def test_auto_thickness_finds_the_rest_itself(hydra: None) -> None:
    assert make_settings(composed("thickness_px=auto")).thickness_px == "auto"
    with pytest.raises(UserError, match="leave them out"):
        make_settings(composed("thickness_px=auto", "pretilt_deg=3"))


def test_output_names_the_input_and_the_time(hydra: None) -> None:
    assert make_settings(composed("input='a b/needle.x.mrc'")).output.parent == Path("runs/needle")
    assert make_settings(composed("output=/tmp/here")).output == Path("/tmp/here")
