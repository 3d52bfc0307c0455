"""The manifest of a run over many files: which are done, written so that a run can be killed at any moment."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from classifier.errors import DataError

__all__ = ["MANIFEST", "Done", "Manifest", "identity_of"]

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Done:
    """One file that is labelled.

    Attributes
    ----------
    source : str
        Its absolute path.
    identity : tuple of (int, int)
        Its size in bytes and the time of its last change in nanoseconds: what tells that it was replaced since.
    output : str
        The name of the file of labels.
    labelled, rejected : int
        Records.
    output_bytes : int
    """

    source: str
    identity: tuple[int, int]
    output: str
    labelled: int
    rejected: int
    output_bytes: int


def identity_of(source: str) -> tuple[int, int]:
    """Return size and time of change of a file; OSError if it is gone."""
    stat = Path(source).stat()
    return stat.st_size, stat.st_mtime_ns


@dataclass(slots=True)
class Manifest:
    """Lines of JSON: first what the run was told, then a `Done` a file, each on disk before the next.

    Attributes
    ----------
    folder : Path
    done : dict of str to Done
    """

    folder: Path
    done: dict[str, Done] = field(default_factory=dict)
    _file: IO[str] | None = None

    @classmethod
    def open(cls, folder: Path, settings: Mapping[str, Any], *, resume: bool) -> "Manifest":
        """Begin a run in `folder`, or go on with the one that is there.

        Raises
        ------
        DataError
            If the folder holds other things or another run, or can't be written.
        """
        path = folder / MANIFEST
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()) and not (resume and path.exists()):
                hint = "--resume goes on with the run in it, or choose" if path.exists() else "choose"
                raise DataError(f"{folder}: is not empty: {hint} another folder")
            lines = _whole_lines(path) if path.exists() else []
            manifest = cls(folder)
            manifest._read(lines, settings)
            manifest._file = path.open("a", encoding="ascii")
        except OSError as error:
            raise DataError(f"{folder}: can't write there: {error.strerror or error}") from error
        if not lines:
            manifest._write(settings)
        return manifest

    def add(self, done: Done) -> None:
        """Note that a file is done."""
        self.done[done.source] = done
        self._write(asdict(done))

    def has(self, source: str) -> bool:
        """Say whether a file is done, its labels are there, and it has not been replaced since."""
        entry = self.done.get(source)
        if entry is None or entry.identity != identity_of(source):
            return False
        output = self.folder / entry.output
        return output.is_file() and output.stat().st_size == entry.output_bytes

    def close(self) -> None:
        """Close the file; that its last bytes can't be written has been reported by then."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _read(self, lines: Sequence[bytes], settings: Mapping[str, Any]) -> None:
        try:
            rows = [json.loads(line) for line in lines]
            before = dict(rows[0]) if rows else settings
            entries = [Done(**{**row, "identity": tuple(row["identity"])}) for row in rows[1:]]
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{self.folder / MANIFEST}: not a manifest: choose another folder") from error
        for name in settings:
            if before.get(name) != settings[name]:
                was, now = before.get(name), settings[name]
                raise DataError(f"{self.folder}: begun with {name} {was!r}, now it is {now!r}: choose another folder")
        self.done = {entry.source: entry for entry in entries}  # of a file that was done twice, the last

    def _write(self, row: Mapping[str, Any]) -> None:
        assert self._file is not None
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self.close()
            raise DataError(f"{self.folder / MANIFEST}: could not write: {error.strerror or error}") from error


def _whole_lines(path: Path) -> list[bytes]:
    """Cut a half-written line off the file; return the others."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    return whole.splitlines()
