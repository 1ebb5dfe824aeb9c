"""The folder of a run: made, cleared of an earlier run's results, and known again when a run is
resumed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from recon.errors import UserError
from recon.io.atomic import replacing, write_error
from recon.run.analysis import RESULTS
from recon.run.fiducials import FIDUCIAL_FILES

CHECKPOINT = "unfinished-alignment.json"
STATE = "unfinished-slabs.json"
RESTORED_STATE = "unfinished-views.json"
PAGE_MARK = '<meta name="generator" content="Tiltwise">'  # in the head of report.html
REPORT = ("report.html", "report.csv")
OVERVIEW = ("overview.html", "overview.csv")
# Everything that a run may write: results, and what only an unfinished one leaves.
NAMES = (
    CHECKPOINT,
    STATE,
    RESTORED_STATE,
    "aligned.mrc",
    "aligned.tlt",
    "aligned.xf",
    "restored.mrc",
    "restored.tlt",
    "restored.png",
    "precision.mrc",
    "precision.tlt",
    "tomogram.mrc",
    "tomogram.mrc.part",
    "tomogram.tif",
    "tomogram.ome.zarr",
    "truth.mrc",
    "uncertainty.mrc",
    "uncertainty.mrc.part",
    "preview.png",
    "run.json",
    *REPORT,
    *RESULTS,
    *FIDUCIAL_FILES,
)

_EXTRA = re.compile(r"[a-z][a-z0-9_]*\.mrc(\.part)?")  # a further volume of some method


def check_writable(out: Path) -> None:
    """Raise ``UserError`` before the work rather than after it, and without making the folder
    yet."""
    there = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise UserError(
            f"output={str(out)[-150:]} given, but {str(there)[-150:]} may not be written to; pass "
            f"another output=DIR"
        )


def make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(out, error) from error


def check_ours(
    out: Path, config: Mapping[str, object], extras: Iterable[str] = ()
) -> tuple[str, ...]:
    """The names in ``out`` that an earlier run wrote, as its record says: what a new run may
    remove.

    Raises ``UserError`` where something else of the user's has one of our names there, or where
    ``config`` names one of these files.
    """
    written = _written(out)
    names = (
        *NAMES,
        *of_extras(extras),
        *(n for n in sorted(written) if _EXTRA.fullmatch(n) and _is_our_volume(out / n)),
    )
    there = [name for name in dict.fromkeys(names) if os.path.lexists(out / name)]
    _check_not_read(out, there, _texts(config))
    if foreign := [n for n in there if n not in written or _is_strange(out / n)]:
        more = f" and {len(foreign) - 4} more" if len(foreign) > 4 else ""
        raise UserError(
            f"output={str(out)[-150:]} given, but {', '.join(foreign[:4])}{more} there would be "
            f"replaced and no run of Tiltwise is known to "
            "have written it; move it away, or pass another output=DIR"
        )
    return tuple(there)


def check_apart(out: Path, inputs: Iterable[Path]) -> None:
    """Raise ``UserError`` where the results of one of several series, which go to ``out``, would
    replace one of the ``inputs`` of all of them, or lie among the views of a folder."""
    given = tuple(inputs)
    _check_not_read(out, [name for name in NAMES if os.path.lexists(out / name)], map(str, given))
    for path in given:
        if path.expanduser().is_dir() and path.expanduser().resolve() == out.resolve():
            raise UserError(
                f"{str(path)[-150:]} given, but results would go to {str(out)[-150:]}, among its "
                f"views; pass another output=DIR"
            )


def _check_not_read(out: Path, there: Iterable[str], texts: Iterable[str]) -> None:
    """``there``: names in ``out`` that a run replaces; ``texts``: what may name a file to read."""
    names = tuple(there)
    for text in texts:
        if read := next((name for name in names if _lies_in(out / name, text)), None):
            raise UserError(
                f"{text[-150:]} given, but a run with output={str(out)[-150:]} would replace "
                f"{read} there before it is read; "
                "pass another output=DIR"
            )


def of_extras(extras: Iterable[str]) -> list[str]:
    """The files of a method's further volumes, whole and unfinished."""
    return [f"{name}.mrc{end}" for name in extras for end in ("", ".part")]


def check_report(folder: Path, names: tuple[str, ...] = REPORT) -> None:
    """Raise ``UserError`` where the report of several runs (or the overview of several series)
    would replace a page or a table that is not ours. ``names``: the page's first."""
    there = [name for name in names if os.path.lexists(folder / name)]
    if there and not _is_our_page(folder / names[0]):
        raise UserError(
            f"output={str(folder)[-150:]} given, but {there[0]} there would be replaced and "
            f"Tiltwise did not write it; "
            "move it away, pass another output=DIR, or report=false"
        )


def claim(out: Path, extras: Iterable[str] = ()) -> None:
    """Note in ``out``, before anything else is written, that a run of ours is at work there: what
    it leaves if killed is known as ours."""
    with replacing(out / CHECKPOINT) as temporary:
        temporary.write_text(json.dumps({"files": listed((*NAMES, *of_extras(extras)))}), "utf-8")


def clear(out: Path, config: Mapping[str, object], extras: Iterable[str] = ()) -> None:
    """Remove what an earlier run left (``check_ours``): results of two runs must not lie side by
    side as one."""
    try:
        for name in check_ours(out, config, extras):
            path = out / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise write_error(out, error) from error


def _written(out: Path) -> frozenset[str]:
    """The names that the record of a finished or an unfinished run in ``out`` lists."""
    found: set[str] = set()
    for name in (CHECKPOINT, "run.json"):
        try:
            record = json.loads((out / name).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            continue
        files, versions = record.get("files"), record.get("versions")
        if isinstance(files, list):
            found |= {name, *(str(f) for f in files)}
        elif (
            ("tiltwise" in versions) if isinstance(versions, dict) else ("aligned_sha256" in record)
        ):
            found |= set(NAMES)  # of a version that did not list them yet
    return frozenset(found | set(REPORT) if _is_our_page(out / REPORT[0]) else found)


def listed(names: Iterable[str]) -> list[str]:
    """``names`` as a record lists them: without the report, which is written after the record and
    bears a mark of its own."""
    return [name for name in names if name not in REPORT]


def _texts(config: object) -> Iterator[str]:
    """Every text in a config, at any depth, but for where the results go."""
    if isinstance(config, str):
        yield config
    elif isinstance(config, Mapping):
        for key, value in config.items():
            if key != "output":
                yield from _texts(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _texts(value)


def _lies_in(ours: Path, text: str) -> bool:
    """Whether ``text`` names the file or folder ``ours`` or something in it, by whatever way."""
    try:
        named = (
            Path(unquote(text.removeprefix("file:")) if text.startswith("file:") else text)
            .expanduser()
            .resolve()
        )
        return ours.resolve() in (named, *named.parents)
    except (OSError, ValueError, RuntimeError):
        return False


def _is_our_volume(path: Path) -> bool:
    """Whether an MRC file bears our label: a record is text, which anybody can write."""
    try:
        with path.open("rb") as file:
            return path.is_file() and b"Tiltwise" in file.read(1024)
    except OSError:
        return False


def _is_strange(path: Path) -> bool:
    """A folder or a link under a name that only files of ours have."""
    return path.is_symlink() or (path.is_dir() and path.suffix != ".zarr")


def _is_our_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return PAGE_MARK.encode() in file.read(2000)
    except OSError:
        return False
