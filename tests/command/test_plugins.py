"""Code from outside: in by the command line alone, and by nothing that is data."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from recon.command import plugins
from recon.command.build import build
from recon.command.compose import compose_config
from recon.command.plugins import check_only_here, plug_in, refuse_foreign_hydra
from recon.command.registry import CONFIGS
from recon.errors import UserError
from recon.plugged import PLUGGED
from recon.run.fingerprint import fingerprint
from recon.stage import Bound, Method

METHOD = """
import torch
from torch import nn
from recon.phantoms.nanoparticle import nanoparticle
from recon.projectors.native import NativeProjector
from recon.stage import Method, Needs


def landweber(A, y, *, n_iterations: int = 4, step: float = 0.001, callback=None):
    x = torch.zeros(A.volume_zx[0], y.shape[1], A.volume_zx[1])
    for i in range(n_iterations):
        residual = y - A(x)
        if callback is not None:
            callback(i + 1, float(residual.norm() / y.norm()))
        x = x + step * A.T(residual)
    return x


def _needs(options):
    return Needs(3, 3, work=options["n_iterations"], steps=options["n_iterations"])


LANDWEBER = Method(landweber, needs=_needs, brief=lambda options: {"n_iterations": 1})
PHANTOMS = {"my_particle": nanoparticle}
PROJECTORS = {"mine": NativeProjector}
NETWORKS = {"plain": nn.Identity}
"""


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    store = ConfigStore.instance()
    before = {group: dict(store.repo.get(group, {})) for group in plugins.ENTRY}
    PLUGGED.clear()
    yield
    PLUGGED.clear()
    for group, entries in before.items():
        if entries:
            store.repo[group] = entries
        else:
            store.repo.pop(group, None)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "my_method.py"
    path.write_text(METHOD)
    return path


def test_a_method_in_a_file_runs_with_its_options(
    command: Callable[..., subprocess.CompletedProcess[str]], mine: Path, tmp_path: Path
) -> None:
    small = ("sample.size=32", "sample.step_deg=6", "align.rounds=0", "threads=1")
    words = (f"plugins=[{mine}]", "algorithm=landweber", "algorithm.n_iterations=3", "report=false")
    done = command(*small, *words, "trust=none", "output=out")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["algorithm"] == "landweber"
    assert record["options"] == {"n_iterations": 3, "step": 0.001}
    assert len(record["residual_per_iteration"]) == 3


def test_all_that_a_file_declares_can_be_chosen(mine: Path) -> None:
    words = [f"plugins=[{mine}]", "algorithm=landweber", "phantom=my_particle", "projector=mine"]
    config, _ = compose_config(CONFIGS, "reconstruct", [*words, "phantom.size=16"])
    method = build(config.algorithm)
    assert isinstance(method, Bound)
    assert method.declared is PLUGGED["plugins.algorithm.landweber"].made
    assert build(config.phantom)().density.shape == (16, 16, 16)
    assert build(config.projector).func.__name__ == "NativeProjector"
    train, _ = compose_config(CONFIGS, "train", [f"plugins=[{mine}]", "network=plain"])
    assert build(train.network).func.__name__ == "Identity"


def test_a_misspelt_option_of_it_is_a_sentence(mine: Path) -> None:
    with pytest.raises(UserError, match="n_iterations"):
        compose_config(
            CONFIGS,
            "reconstruct",
            [f"plugins=[{mine}]", "algorithm=landweber", "algorithm.n_iter=2"],
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "declares nothing"),
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("def f(:", "SyntaxError"),
        ("import nowhere_at_all", "nowhere_at_all"),
        (
            "from recon.stage import Method\ndef tv(A, y): ...\nTV = Method(tv)",
            "the name of one of ours",
        ),
        ("PHANTOMS = {'mine': 3}", "a function wanted"),
        ("PHANTOMS = [1]", "a dict of name to function"),
        ("PHANTOMS = {'a b': dict}", "no name for an option"),
    ],
)
def test_a_file_that_will_not_do_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "p.py").write_text(text)
    with pytest.raises(UserError, match=says):
        plug_in([f"plugins=[{tmp_path / 'p.py'}]"])
    assert not PLUGGED


@pytest.mark.parametrize("name", ["nowhere.py", "notes.txt"])
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="a Python file wanted"):
        plug_in([f"plugins={tmp_path / name}"])


def test_a_config_file_cannot_plug_in(mine: Path) -> None:
    """A recipe or a record that says ``plugins`` is refused, and its file is not run."""
    for said in ([str(mine)], [str(mine), "other.py"]):
        config = OmegaConf.create({"plugins": said})
        with pytest.raises(UserError, match="may not run code"):
            check_only_here(config, ["algorithm=tv"])
    check_only_here(OmegaConf.create({"plugins": [str(mine)]}), [f"plugins=[{mine}]"])
    with pytest.raises(UserError, match="_target_"):
        build(OmegaConf.create({"_target_": "plugins.algorithm.landweber"}))


def test_an_installed_package_is_loaded_when_an_option_names_it_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[str] = []

    def theirs(A: object, y: object) -> None: ...

    class Entry(EntryPoint):
        def load(self) -> object:
            loaded.append(self.name)
            if self.name == "broken":
                raise ImportError("no module named cupy")
            return Method(theirs) if self.name == "theirs" else theirs  # type: ignore[arg-type]

    def find(*, group: str, name: str) -> list[EntryPoint]:
        known = ("theirs", "plain", "broken") if group == "tiltwise.algorithms" else ()
        return [Entry(name, "package.module:x", group)] if name in known else []

    monkeypatch.setattr(plugins, "entry_points", find)
    plug_in(["algorithm=tv", "phantom=nanoparticle", "output=theirs", "algorithm.weight=3"])
    assert loaded == []
    plug_in(["algorithm=wbp,theirs", "-m"])
    assert loaded == ["theirs"]
    assert "plugins.algorithm.theirs" in PLUGGED
    with pytest.raises(UserError, match=r"Method\(function\)"):
        plug_in(["algorithm=plain"])
    with pytest.raises(UserError, match="no module named cupy; update or uninstall"):
        plug_in(["algorithm=broken"])


@pytest.mark.parametrize("spelling", ["[{}]", "{}", "['{}']", "[./{}]", "[ {} ]"])
def test_every_spelling_of_a_file_is_understood(
    mine: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(mine.parent)
    for plus in ("", "+", "++"):
        if plus and "'" in spelling:
            continue
        PLUGGED.clear()
        word = f"plugins={spelling.format(mine.name)}"
        config, _ = compose_config(
            CONFIGS, "reconstruct", [f"{plus if plus == '++' else ''}{word}", "algorithm=landweber"]
        )
        assert isinstance(build(config.algorithm), Bound)


def test_no_plugins_are_none() -> None:
    compose_config(CONFIGS, "reconstruct", ["plugins=null"])


def test_an_option_without_a_default_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text(
        "from recon.stage import Method\n"
        "def needy(A, y, *, gain: float):\n    return gain * A.T(y)\n"
        "NEEDY = Method(needy)\n"
    )
    words = [f"plugins=[{path}]", "algorithm=needy"]
    config, _ = compose_config(CONFIGS, "reconstruct", [*words, "algorithm.gain=2.0"])
    assert build(config.algorithm).options == {"gain": 2.0}
    config, _ = compose_config(CONFIGS, "reconstruct", words)
    with pytest.raises(OmegaConfBaseException, match="gain"):
        build(config.algorithm)


def test_other_code_is_another_run(mine: Path) -> None:
    plug_in([f"plugins=[{mine}]"])
    before = fingerprint({}, [])
    PLUGGED.clear()
    mine.write_text(METHOD + "# changed")
    plug_in([f"plugins=[{mine}]"])
    assert fingerprint({}, []) != before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("exp/a.yaml", "# @package _global_\nhydra:\n  callbacks:\n    x: {_target_: os.system}\n"),
        ("exp/a.yaml", "# @package hydra.callbacks\nx: 1\n"),
        ("exp/a.yaml", "defaults:\n  - override /hydra/launcher: mine\n"),
        ("hydra/launcher/mine.yaml", "x: 1\n"),
    ],
)
def test_a_folder_of_configs_cannot_configure_hydra(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    for words in (
        ["--config-dir", str(tmp_path)],
        [f"--config-dir={tmp_path}"],
        ["-cd", str(tmp_path)],
    ):
        with pytest.raises(UserError, match="configures Hydra itself"):
            refuse_foreign_hydra(words)


def test_a_folder_of_recipes_is_taken(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine.yaml").write_text("# @package _global_\nalgorithm:\n  weight: 3\n")
    refuse_foreign_hydra(["--config-dir", str(tmp_path), "+model=mine"])


@pytest.mark.parametrize(
    "word", ["--experimental-rerun=x", "hydra.searchpath=[a]", "--config-path=a", "-cn"]
)
def test_ways_to_other_configs_are_refused(word: str) -> None:
    with pytest.raises(UserError):
        refuse_foreign_hydra([word])
