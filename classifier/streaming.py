"""Label a file of any size in constant memory: what `predict` does.

The result is written beside its final name and renamed when it is complete. With `resume`, what an interrupted run
had written is kept up to its last whole line, and its articles are not labelled again.
"""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from classifier.data import Record, iter_records
from classifier.errors import DataError
from classifier.prediction import Label, Prediction
from classifier.predictor import Predictor

__all__ = ["StreamOptions", "StreamResult", "batched", "label_batch", "predict_file"]

_BATCH_RECORDS = 512
_BATCH_CHARACTERS = 1 << 23
_FORMULA_STARTS = tuple("=+-@\t\uff1d\uff0b\uff0d\uff20")
"""The last four are the full-width forms of the first."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What to read and how to state labels.

    Parameters
    ----------
    text, title, id : str
        Columns of the input.
    encoding : str
    threshold : float or None
        State only labels of at least this probability, 0..1; None leaves it to the model.
    top : int or None
        State at most so many labels a task.
    """

    text: str = "text"
    title: str = "title"
    id: str = "id"
    encoding: str = "utf-8"
    threshold: float | None = None
    top: int | None = None


@dataclass(slots=True)
class StreamResult:
    """How many records were labelled, how many were bad, how many were there from before."""

    labelled: int = 0
    rejected: int = 0
    resumed: int = 0


class _Writer(Protocol):
    def write(self, rows: Sequence[dict[str, Any]]) -> None: ...


def predict_file(
    predictor: Predictor,
    source: str,
    output: str,
    options: StreamOptions,
    *,
    resume: bool = False,
    on_batch: Callable[[int], object] | None = None,
) -> StreamResult:
    """Label every good record of `source`; report each bad one with its position and reason.

    Parameters
    ----------
    predictor : Predictor
    source : str
        A file that `iter_records` reads; ``-`` for JSON lines on stdin.
    output : str
        ``.jsonl`` or ``.csv``; ``-`` for JSON lines on stdout. Bad records go to ``OUTPUT.rejects.jsonl``, or to stderr.
    options : StreamOptions
    resume : bool
        Go on where an interrupted run stopped.
    on_batch : callable or None
        Called with the number of records done.

    Returns
    -------
    StreamResult

    Raises
    ------
    DataError
        If the input can't be read or the output not written.
    """
    records = iter_records(
        source, task_columns={}, text=options.text, title=options.title, id=options.id, encoding=options.encoding
    )
    with ExitStack() as stack:
        sink = _Sink.open(output, stack, resume=resume, tasks=task_names(predictor))
        result = StreamResult(resumed=sink.n_done)
        for batch in batched(record for record in records if record.position > sink.last_position):
            rows, rejects = label_batch(predictor, batch, options)
            sink.write(rows, rejects)
            result.labelled += len(rows)
            result.rejected += len(rejects)
            if on_batch is not None:
                on_batch(result.labelled + result.rejected)
        sink.finish()
    return result


def label_batch(
    predictor: Predictor, batch: Sequence[Record], options: StreamOptions
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Label the good records; return their rows, and position and reason of each bad one."""
    good = [record for record in batch if record.article is not None]
    predictions = predictor.predict([record.article for record in good if record.article is not None])
    rows = [_row(r, p, options) for r, p in zip(good, predictions, strict=True)]
    return rows, [{"position": r.position, "reason": r.error} for r in batch if r.article is None]


def batched(records: Iterable[Record], n_records: int | None = None) -> Iterator[list[Record]]:
    """Yield lists of a bounded number of records and of characters."""
    most = n_records or _BATCH_RECORDS
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.article.text) if record.article else 0
        if len(batch) == most or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def task_names(predictor: Predictor) -> list[str]:
    """Return the tasks of a model, those that follow from others last."""
    return [*predictor.tasks, *predictor.derived_tasks]


def _row(record: Record, prediction: Prediction, options: StreamOptions) -> dict[str, Any]:
    row: dict[str, Any] = {"position": record.position, "id": prediction.id}
    for task, labels in prediction.tasks.items():
        row[task] = [{"code": x.code, "probability": round(x.probability, 4)} for x in _stated(labels, options)]
    return row


def _stated(labels: Sequence[Label], options: StreamOptions) -> Sequence[Label]:
    kept = [x for x in labels if options.threshold is None or x.probability >= options.threshold]
    return kept[: options.top] if options.top is not None else kept


class _Sink:
    """Where rows and rejects go."""

    def __init__(self, writer: _Writer, rejects: IO[str], final: Path | None) -> None:
        self.writer = writer
        self.rejects = rejects
        self.final = final
        self.last_position = 0
        self.n_done = 0
        self.files: list[IO[str]] = []

    @classmethod
    def open(cls, output: str, stack: ExitStack, *, resume: bool, tasks: Sequence[str]) -> "_Sink":
        if output == "-":
            if resume:
                raise DataError("--resume needs --output FILE: there is nothing to go on from on stdout")
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's: this is data
            return cls(_JsonLines(sys.stdout), sys.stderr, None)
        final = Path(output)
        if final.suffix not in (".jsonl", ".csv"):
            raise DataError(f"{output}: the output must end in .jsonl or .csv")
        if final.is_dir():
            raise DataError(f"{output}: is a folder: name a file")
        try:
            return cls._open_file(final, stack, resume=resume, tasks=tasks)
        except OSError as error:
            raise DataError(f"{output}: can't write there: {error.strerror or error}") from error

    @classmethod
    def _open_file(cls, final: Path, stack: ExitStack, *, resume: bool, tasks: Sequence[str]) -> "_Sink":
        part, rejects_part = _part_of(final), _part_of(_rejects_of(final))
        position = n_done = 0
        if resume and part.exists():
            try:
                position, n_done = _last_whole_line(part, is_csv=final.suffix == ".csv")
            except (ValueError, LookupError, TypeError) as error:
                raise DataError(
                    f"{part}: not written by an earlier run: remove it, or choose another output"
                ) from error
            if position and not rejects_part.exists() and _rejects_of(final).exists():
                _rejects_of(final).replace(rejects_part)  # interrupted between the two renames of `finish`
            _drop_after(rejects_part, position)
        elif resume and final.exists():
            raise DataError(f"{final}: is complete: nothing to resume; remove it to start anew")
        mode = "a" if position else "w"
        file = part.open(mode, encoding="utf-8", newline="")
        stack.callback(_close, file)
        rejects = rejects_part.open(mode, encoding="utf-8", newline="")
        stack.callback(_close, rejects)
        writer = _Csv(file, tasks, header=not position) if final.suffix == ".csv" else _JsonLines(file)
        sink = cls(writer, rejects, final)
        sink.last_position, sink.n_done, sink.files = position, n_done, [rejects, file]
        return sink

    def write(self, rows: Sequence[dict[str, Any]], rejects: Sequence[dict[str, Any]]) -> None:
        """Write a batch; rejects first, so that a row on disk says that all rejects before it are there too."""
        try:
            _JsonLines(self.rejects).write(rejects)
            if self.files:
                self.rejects.flush()
            self.writer.write(rows)
            for file in self.files:
                file.flush()
                os.fsync(file.fileno())
        except BrokenPipeError:
            raise
        except OSError as error:
            where = self.final or "stdout"
            hint = ": free some space and run again with --resume" if self.final else ""
            raise DataError(f"{where}: could not write: {error.strerror or error}{hint}") from error

    def finish(self) -> None:
        """Give the files their final names; the rejects first, so that whoever sees the output sees them too."""
        if self.final is None:
            sys.stdout.flush()
            return
        for file in self.files:
            file.close()
        try:
            _name_finally(_rejects_of(self.final), keep_empty=False)
            _name_finally(self.final, keep_empty=True)
        except OSError as error:
            raise DataError(f"{self.final}: could not write: {error.strerror or error}") from error


def _name_finally(path: Path, *, keep_empty: bool) -> None:
    part = _part_of(path)
    if keep_empty or part.stat().st_size:
        part.replace(path)
        return
    path.unlink(missing_ok=True)  # what an earlier run left
    part.unlink()


def _close(file: IO[str]) -> None:
    """Close a file; that its last bytes can't be written has been reported by then."""
    with suppress(OSError):
        file.close()


class _JsonLines:
    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self.file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


class _Csv:
    """A column a task with the first label, its probability, and all labels."""

    def __init__(self, file: IO[str], tasks: Sequence[str], *, header: bool) -> None:
        self.file = file
        self.tasks = tasks
        if header:
            columns = [name + end for name in tasks for end in ("", "_probability", "_all")]
            self._write([["position", "id", *columns]])

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._write([self._cells(row) for row in rows])

    def _write(self, rows: Sequence[Sequence[Any]]) -> None:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, lineterminator="\n").writerows(rows)
        self.file.write(buffer.getvalue())

    def _cells(self, row: dict[str, Any]) -> list[Any]:
        cells = [row["position"], _defuse(row["id"])]
        for task in self.tasks:
            labels = row[task]
            first = labels[0] if labels else {"code": "", "probability": ""}
            cells += [_defuse(first["code"]), first["probability"], _defuse(" ".join(x["code"] for x in labels))]
        return cells


def _defuse(cell: Any) -> Any:  # noqa: ANN401  (a cell is any)
    """Keep a spreadsheet from taking a cell for a formula, and a line break from splitting a row."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r", " ").replace("\n", " ")
    return "'" + cell if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _rejects_of(path: Path) -> Path:
    return path.with_name(path.name + ".rejects.jsonl")


def _last_whole_line(path: Path, *, is_csv: bool) -> tuple[int, int]:
    """Cut a half-written line off a file; return the position in its last line and how many records it holds."""
    size = last = n = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            size += len(line)
            if not (is_csv and n == 0):
                last = int(line.split(b",", 1)[0]) if is_csv else int(json.loads(line)["position"])
            n += 1
    os.truncate(path, size)
    return last, max(0, n - is_csv)


def _drop_after(path: Path, position: int) -> None:
    """Cut rejects that the resumed run will meet again."""
    size = 0
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n") or json.loads(line)["position"] > position:
                    break
                size += len(line)
        os.truncate(path, size)
