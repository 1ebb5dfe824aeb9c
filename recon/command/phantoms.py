"""Phantoms from a config. A family knows no files: a volume of the user's is read here and passed
on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from omegaconf import DictConfig

from recon.command.build import build
from recon.errors import UserError
from recon.io import read_volume
from recon.learned.inputs import grey_scale
from recon.phantoms.base import Phantom
from recon.phantoms.file import GivenVolume, file, prepare_volume

Family = functools.partial[Phantom]


@dataclass(frozen=True)
class NamedVolume:
    """What ``phantom=file`` says of the file that it wants read."""

    path: str | None = None
    labels: str | None = None
    voxel_nm: float | None = None

    def read(self, *, unknown_nm: float | None = None) -> Family:
        """The family, its volume read. ``unknown_nm``: a voxel where nobody says its size."""
        if self.path is None:
            file()  # says what it wants
        given = read_given(str(self.path), self.labels, voxel_nm=self.voxel_nm)
        said = self.voxel_nm if given.voxel_nm is None else given.voxel_nm
        voxel = self.voxel_nm if said is not None else unknown_nm
        return functools.partial(
            file, path=self.path, labels=self.labels, voxel_nm=voxel, given=given
        )


def build_phantom(node: DictConfig, *, unknown_nm: float | None = None) -> Family:
    """The family that ``phantom=`` names; the volume of ``phantom=file`` is read. Raises
    ``UserError``."""
    family = build(node)
    assert isinstance(family, functools.partial)
    if family.func is not file:
        return family
    named = NamedVolume(**{f.name: node[f.name] for f in fields(NamedVolume) if f.name in node})
    read = named.read(unknown_nm=unknown_nm)
    return functools.partial(family.func, **{**family.keywords, **read.keywords})


def build_families(nodes: Mapping[str, DictConfig] | None, volumes: object) -> dict[str, Family]:
    """Families to train on or to judge by, by name: configs as of ``phantom=``, and paths of
    volumes of the user's, which are named by their files. Examples have no unit of length: a volume
    that does not say its voxel size will do.

    Raises ``UserError`` for a list of volumes that is none, and for two of one name.
    """
    families = {
        str(name): build_phantom(node, unknown_nm=1.0) for name, node in (nodes or {}).items()
    }
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
        families[name] = NamedVolume(path).read(unknown_nm=1.0)
    return families


def volumes_of(families: Mapping[str, Family]) -> dict[str, GivenVolume]:
    """The user's own volumes among the families, by name."""
    found = {
        name: [v for v in family.keywords.values() if isinstance(v, GivenVolume)]
        for name, family in families.items()
    }
    return {name: values[0] for name, values in found.items() if values}


def read_given(
    path: str, labels: str | None = None, *, voxel_nm: float | None = None
) -> GivenVolume:
    """The volume in a file as ``phantom=file`` takes it. Raises ``UserError``."""
    volume = read_volume(Path(path), voxel_nm=voxel_nm)
    # Labels lie on the volume's voxels, whatever size their own file says.
    material = None if labels is None else read_volume(Path(labels), voxel_nm=1.0)
    return prepare_volume(volume, material, unit=grey_scale(volume.data))
