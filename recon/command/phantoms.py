"""Phantoms from a config. A family knows no files: a volume of the user's is read here and passed
on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from omegaconf import DictConfig

from recon.command.build import build
from recon.errors import UserError
from recon.io import read_volume
from recon.learned.inputs import grey_scale
from recon.phantoms.base import Phantom
from recon.phantoms.file import GivenVolume, file, prepare_volume

Family = functools.partial[Phantom]


def build_phantom(node: DictConfig) -> Family:
    """The family that ``phantom=`` names; the volume of ``phantom=file`` is read. Raises
    ``UserError``."""
    family = build(node)
    assert isinstance(family, functools.partial)
    if family.func is not file or family.keywords.get("path") is None:
        return family
    path, labels, nm = (family.keywords.get(name) for name in ("path", "labels", "voxel_nm"))
    return functools.partial(family, given=read_given(str(path), labels, voxel_nm=nm))


def build_families(nodes: Mapping[str, DictConfig] | None, volumes: object) -> dict[str, Family]:
    """Families to train on or to judge by, by name: configs as of ``phantom=``, and paths of
    volumes of the user's, which are named by their files.

    Raises ``UserError`` for a list of volumes that is none, and for two of one name.
    """
    families = {str(name): build_phantom(node) for name, node in (nodes or {}).items()}
    if isinstance(volumes, str) or not isinstance(volumes, Iterable):
        raise UserError(
            f"phantoms={volumes} given, a list of volumes wanted, such as phantoms=[a.mrc,b.mrc]"
        )
    for path in map(str, volumes):
        name = Path(path).name.split(".")[0]
        if name in families:
            raise UserError(
                f"{path} given, but there is a phantom of the name {name} already; rename the file"
            )
        families[name] = functools.partial(file, path=path, given=read_given(path))
    # Examples have no unit of length: a volume that does not say its voxel size will do.
    return {
        name: functools.partial(family, voxel_nm=1.0) if _has_no_voxel(family) else family
        for name, family in families.items()
    }


def read_given(
    path: str, labels: str | None = None, *, voxel_nm: float | None = None
) -> GivenVolume:
    """The volume in a file as ``phantom=file`` takes it. Raises ``UserError``."""
    volume = read_volume(Path(path), voxel_nm=voxel_nm)
    # Labels lie on the volume's voxels, whatever size their own file says.
    material = None if labels is None else read_volume(Path(labels), voxel_nm=1.0)
    return prepare_volume(volume, material, unit=grey_scale(volume.data))


def _has_no_voxel(family: Family) -> bool:
    given = family.keywords.get("given")
    return (
        isinstance(given, GivenVolume)
        and given.voxel_nm is None
        and family.keywords.get("voxel_nm") is None
    )
