"""Who may import whom: docs of the design, kept true."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "recon").rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, wherever in the file; recon.x.y.name counts as
    recon.x.y."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] == "recon"}


def of(folder: str) -> list[Path]:
    found = [p for p in FILES if p.relative_to(ROOT / "recon").as_posix().startswith(folder)]
    assert found
    return found


# Ground first; a room imports only from rooms above it in this list.
ROOMS = (
    "errors", "plugged", "as_json", "acquisition",
    "options", "machine", "picture", "progress", "console", "geometry", "series", "projectors",
    "stage", "phantoms", "simulate", "algorithms", "preprocess", "plausible", "learned", "align", "sinogram", "section", "io",
    "metrics", "analyze", "trust", "run", "report", "given", "api", "training", "command", "cli",
)  # fmt: skip


def room(path: Path) -> str:
    return path.relative_to(ROOT / "recon").parts[0].removesuffix(".py")


def test_no_arrow_goes_upward() -> None:
    for path in FILES:
        if path.parent == ROOT / "recon" and path.name == "__init__.py":
            continue
        own = ROOMS.index(room(path))
        for name in ours(path) - {"recon"}:
            assert ROOMS.index(name.split(".")[1]) <= own, f"{path} imports {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES}
    modules = {name.removesuffix(".__init__"): path for path, name in names.items()}

    def imported(path: Path) -> set[str]:
        found = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= (inner & set(modules)) or {node.module}
        return found

    TopologicalSorter({name: imported(path) for name, path in modules.items()}).prepare()


def test_algorithms_know_projectors_base_only() -> None:
    for path in of("algorithms/"):
        allowed = {
            f"recon.{n}"
            for n in (
                "errors",
                "geometry",
                "progress",
                "projectors.base",
                "projectors.masked",
                "stage",
            )
        }
        if path.stem == "gridrec":  # TomoPy's own reconstruction
            allowed.add("recon.projectors.tomopy")
        assert all(n in allowed or n.startswith("recon.algorithms") for n in ours(path)), path


def test_geometry_and_series_import_only_each_other() -> None:
    for path in (ROOT / "recon/geometry.py", ROOT / "recon/series.py"):
        assert ours(path) <= {"recon.errors", "recon.geometry", "recon.picture", "recon.series"}


def test_progress_is_ground_and_only_the_door_listens() -> None:
    """Stages tell; who hears is for the command (or a notebook) to say."""
    assert ours(ROOT / "recon/progress.py") == set()
    users = {p.name for p in FILES if "report_to" in p.read_text("utf-8")}
    assert users <= {"progress.py", "console.py", "config.py", "runs.py", "score.py", "api.py"}


@pytest.mark.parametrize("library", ["mrcfile", "tifffile", "h5py", "zarr", "rsciio", "mdocfile"])
def test_only_io_knows_file_formats(library: str) -> None:
    for path in FILES:
        if library in {name.split(".")[0] for name in imports(path)}:
            assert path.is_relative_to(ROOT / "recon/io"), path


def test_only_its_own_projector_and_the_automatic_choice_import_astra() -> None:
    users = {p.name for p in FILES if "astra" in {name.split(".")[0] for name in imports(p)}}
    assert users == {"astra.py", "auto.py"}


def test_hydra_stays_at_the_door() -> None:
    users = {
        p.relative_to(ROOT / "recon")
        for p in FILES
        if {"hydra", "omegaconf"} & {name.split(".")[0] for name in imports(p)}
    }
    outside = {path for path in users if path.parent != Path("command")}
    assert outside <= {Path("cli.py")}


def test_a_stage_knows_no_files() -> None:
    for folder in ("align/", "algorithms/", "projectors/", "sinogram/"):
        for path in of(folder):
            assert not any(n.startswith("recon.io") for n in ours(path)), path


def test_nothing_is_ever_unpickled() -> None:
    for path in FILES:
        text = path.read_text("utf-8")
        assert "pickle" not in {name.split(".")[0] for name in imports(path)}
        assert "allow_pickle=True" not in text
        assert "torch.load(" not in text


def test_importing_the_package_loads_neither_torch_nor_hydra() -> None:
    code = (
        "import sys, recon, recon.cli; print([m for m in ('torch', 'hydra', 'numba', 'scipy') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_file_is_a_drawer() -> None:
    assert not [p for p in FILES if p.stem in ("utils", "helpers", "common", "misc")]
