"""Read articles and their labels from files: every good record is read, every bad one is reported with its position.

Formats, by suffix: JSON lines (``.jsonl``), ``.csv``, ``.tsv`` (these three also ``.gz``, ``.bz2``, ``.xz``, ``.zst``),
``.parquet``, a folder of ``LABEL/*.txt``, and ``-``: JSON lines on standard input.
"""

import bz2
import csv
import difflib
import gzip
import io
import json
import lzma
import math
import os
import re
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, NamedTuple, TypeAlias, cast

from classifier.article import Article
from classifier.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from typing_extensions import Buffer

__all__ = [
    "MAX_RECORD_CHARS",
    "TASK_COLUMNS",
    "LabelledArticles",
    "Record",
    "Reject",
    "frame_records",
    "iter_records",
    "read_articles",
]

MAX_RECORD_CHARS = 2**24
"""Characters that one record may hold after decompression: a line of gigabytes in a small archive is not read."""

MAX_UNFOLDING = 200
"""Bytes that a byte of a compressed file may become; of the starter corpus it is 3 to 5."""

TASK_COLUMNS: Mapping[str, str] = MappingProxyType({"topic": "topics", "country": "countries"})
"""Where the labels of the shipped model's tasks are: task -> column."""

PathLike: TypeAlias = str | os.PathLike[str]

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_FORMATS = (".jsonl", ".csv", ".tsv", ".parquet")
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
_STREAM_ERRORS = (OSError, EOFError, UnicodeError, zlib.error, lzma.LZMAError)
_SNIFFED_ROWS = 100
_BUFFER_BYTES = 1 << 17
_MOST_REPLAYS = 4  # how often a character of a CSV file is read again, on average
_MAX_COLUMNS = 1000  # JSON lines may bring new keys for ever
_PARQUET_ROWS = 256
_PARQUET_BYTES = 1 << 26  # of a batch in memory, as far as the file says the truth about its sizes
# NUL, undecodable bytes as `surrogateescape` leaves them, and halves of surrogate pairs from JSON's \u escapes.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was left out: its position, counted as in `Record`, and the reason."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record of an input, good or bad.

    Parameters
    ----------
    position : int
        Counted from 1: the line where the record starts in text formats (the header of a CSV file is line 1), the row
        of a parquet file, the number of the file, in order of name, in a folder.
    article : Article or None
        None if the record is bad.
    labels : dict of str to (list of str or None)
        Task -> labels, the primary one first; an empty list says "none", None says "unknown".
    error : str or None
        Why the record is bad.
    group : str or None
        What the group column holds.
    """

    position: int
    article: Article | None = None
    labels: dict[str, list[str] | None] = field(default_factory=dict)
    error: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledArticles:
    """Articles with labels, in the order of the file; the lists are parallel, n_articles long.

    Parameters
    ----------
    articles : list of Article
        The good records.
    labels : dict of str to list of (list of str or None)
        Task -> the labels of every article, the primary one first; an empty list says "none", None says "unknown".
    groups : list of str or None
        What the group column holds; an article without a group is a group of its own. None if no column was named.
    positions : list of int
        Where each article was, counted as in `Record`.
    rejects : list of Reject
        The bad records.
    """

    articles: list[Article]
    labels: dict[str, list[list[str] | None]]
    groups: list[str] | None
    positions: list[int]
    rejects: list[Reject]

    def __len__(self) -> int:
        """Return the number of articles."""
        return len(self.articles)


class _Columns(NamedTuple):
    """Which column holds what."""

    text: str
    title: str
    id: str
    group: str | None
    tasks: Mapping[str, str]

    def names(self) -> list[str]:
        """Return the names of all columns that are read."""
        return [self.text, self.title, self.id, *([self.group] if self.group else []), *self.tasks.values()]


class _Line(NamedTuple):
    number: int
    text: str
    error: str | None = None


class _Row(NamedTuple):
    """The cells of one record before they are checked; `where` is put before the reason of a reject."""

    position: int
    fields: Mapping[str, object] = MappingProxyType({})
    error: str | None = None
    where: str = ""


@dataclass(slots=True)
class _Table:
    """An opened input: `columns` grows while JSON lines are read, and is complete at once in the other formats."""

    columns: dict[str, None]
    rows: Iterator[_Row]
    complete: bool = True
    close: Callable[[], object] = lambda: None


class _BadRecordError(ValueError):
    """A record cannot be used; never leaves this module."""


def read_articles(
    path: PathLike,
    *,
    task_columns: Mapping[str, str] = TASK_COLUMNS,
    text: str = "text",
    title: str = "title",
    id: str = "id",
    group: str | None = None,
    encoding: str = "utf-8",
) -> LabelledArticles:
    """Read all articles of a file with their labels.

    A string of labels is split at white space; a list is taken as it is, so its labels may contain spaces. A missing,
    null or empty cell is unknown (None), an empty list or ``-`` says that there is no label ([]). ``NA`` is Namibia.

    Parameters
    ----------
    path : str or path
        A file in a format of this module, a folder of ``LABEL/*.txt``, or ``-`` for JSON lines on standard input.
    task_columns : mapping of str to str
        Task -> column. A folder's names are the labels of ``topic``, or of the first task if there is no such task.
    text, title, id : str
        Columns; only that of the text must exist.
    group : str or None
        A column, such as the outlet, whose articles belong together when data is split.
    encoding : str
        Of the text formats.

    Returns
    -------
    LabelledArticles
        The good records; of several with the same id the first is good.

    Raises
    ------
    DataError
        If the input can't be opened, is empty, or lacks the text column, the group column or every task column.
    """
    columns = _Columns(text, title, id, group, dict(task_columns))
    table = _open_table(path, columns, encoding)
    with closing(table):
        if table.complete:
            _check_tasks(path, table, columns)
        result = _collect(_to_records(table, columns), columns)
        _check_tasks(path, table, columns)
    return result


def iter_records(
    path: PathLike,
    *,
    task_columns: Mapping[str, str] = TASK_COLUMNS,
    text: str = "text",
    title: str = "title",
    id: str = "id",
    group: str | None = None,
    encoding: str = "utf-8",
) -> Iterator[Record]:
    """Read the records of a file one after the other, in constant memory.

    The parameters are those of `read_articles`; pass ``task_columns={}`` where labels play no role. Missing task
    columns and repeated ids are no errors here.

    Returns
    -------
    iterator of Record
        Good and bad ones, in the order of the file.

    Raises
    ------
    DataError
        If the input can't be opened, is empty, or lacks the text column or the group column.
    """
    columns = _Columns(text, title, id, group, dict(task_columns))
    return _to_records(_open_table(path, columns, encoding), columns)


def frame_records(
    frame: "pd.DataFrame", *, text: str = "text", title: str = "title", id: str = "id"
) -> Iterator[Record]:
    """Read the rows of a table as records, checked like those of a file; positions count rows from 1.

    Raises
    ------
    DataError
        If there is no column `text`, or none called `title` although that is not its default.
    """
    columns = _Columns(text, title, id, None, {})
    for name in [text, *([title] if title != "title" else [])]:
        if name not in frame.columns:
            raise _missing_column("the table", [name], map(str, frame.columns))
    wanted = [name for name in dict.fromkeys(columns.names()) if name in frame.columns]
    missing = {name: frame[name].isna() for name in wanted}  # pandas has several values for it
    cells = [frame[name].astype(object).where(~missing[name], None) for name in wanted]
    rows = (_Row(i, dict(zip(wanted, row, strict=True))) for i, row in enumerate(zip(*cells, strict=True), start=1))
    return _to_records(_Table(dict.fromkeys(wanted), rows), columns)


def _collect(records: Iterable[Record], columns: _Columns) -> LabelledArticles:
    result = LabelledArticles([], {task: [] for task in columns.tasks}, [] if columns.group else None, [], [])
    seen: dict[str, int] = {}
    for record in records:
        error = record.error or _repeated_id(record, seen)
        if error is not None or record.article is None:
            result.rejects.append(Reject(record.position, error or "no article"))
            continue
        result.articles.append(record.article)
        result.positions.append(record.position)
        for task, column in result.labels.items():
            column.append(record.labels[task])
        if result.groups is not None:
            result.groups.append(record.group or f"(record {record.position})")
    return result


def _repeated_id(record: Record, seen: dict[str, int]) -> str | None:
    """Return why the record repeats an earlier one, or None; remember its id."""
    if record.article is None or record.article.id is None:
        return None
    first = seen.setdefault(record.article.id, record.position)
    return None if first == record.position else f"id {record.article.id!r} repeats that of {first}"


def _check_tasks(path: PathLike, table: _Table, columns: _Columns) -> None:
    wanted = list(dict.fromkeys(columns.tasks.values()))
    # Without any column no record could be read at all, and the rejects say why.
    if wanted and table.columns and not any(name in table.columns for name in wanted):
        raise _missing_column(path, wanted, table.columns)


def _missing_column(path: PathLike, wanted: list[str], columns: Iterable[str]) -> DataError:
    """Build the error that names the columns that exist, and the nearest of them."""
    existing = list(columns)
    near = [match for name in wanted for match in difflib.get_close_matches(name, existing, 1)]
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    names = " or ".join(map(repr, wanted))
    shown = ", ".join(repr(name[:40]) for name in existing[:30])
    return DataError(f"{path}: no column {names}; it has {shown}{hint}: name the column to read")


def _open_table(path: PathLike, columns: _Columns, encoding: str) -> _Table:
    """Open an input and check that the columns it can't do without are there."""
    table = _open_format(path, columns, encoding)
    required = [columns.text, *([columns.group] if columns.group else [])]
    if table.complete and columns.title != "title":
        required.append(columns.title)  # it was asked for by name, so its absence is a mistake
    try:
        table.rows = chain(_sniff(table, required), table.rows)
        for name in required:
            if table.columns and name not in table.columns:
                raise _missing_column(path, [name], table.columns)
    except DataError:
        table.close()
        raise
    return table


def _sniff(table: _Table, required: list[str]) -> list[_Row]:
    """Read rows until the required columns are there, or have been missing for too long."""
    head: list[_Row] = []
    for row in table.rows:
        head.append(row)
        if table.complete or len(head) == _SNIFFED_ROWS or all(name in table.columns for name in required):
            break
    return head


def _open_format(path: PathLike, columns: _Columns, encoding: str) -> _Table:
    if os.fspath(path) == "-":
        lines = _read_lines(sys.stdin.buffer, "standard input", encoding, "\n", keep_open=True)
        return _open_json(lines, lambda: None)
    path = Path(path)
    if path.is_dir():
        return _open_folder(path, columns, encoding)
    kind = _kind(path)
    _check_file(path)
    if kind == ".parquet":
        return _open_parquet(path, columns)
    file = _open_binary(path)
    lines = _read_lines(file, str(path), encoding, "\n" if kind == ".jsonl" else "")
    if kind == ".jsonl":
        return _open_json(lines, file.close)
    return _open_csv(path, lines, columns, _DELIMITERS[kind], file.close)


def _kind(path: Path) -> str:
    """Return the suffix that tells the format."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in _COMPRESSIONS
    kind = "".join(suffixes[-2:-1] if compressed else suffixes[-1:])
    if kind not in _FORMATS or (compressed and kind == ".parquet"):
        raise DataError(
            f"{path}: unknown format; give a folder of LABEL/*.txt or a name that ends in {', '.join(_FORMATS)} "
            f"(all but .parquet may be followed by {', '.join(_COMPRESSIONS)}), got {''.join(suffixes) or 'no suffix'}"
        )
    return kind


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if path.is_file() and size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes)")


def _open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed if its suffix says so."""
    try:
        if path.suffix.lower() not in _COMPRESSIONS:
            return path.open("rb")
        limit = max(MAX_UNFOLDING * path.stat().st_size, MAX_RECORD_CHARS)
        return io.BufferedReader(_Unfolded(_open_compressed(path), limit), _BUFFER_BYTES)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _open_compressed(path: Path) -> IO[bytes]:
    match path.suffix.lower():
        case ".gz":
            return cast("IO[bytes]", gzip.open(path))
        case ".bz2":
            return bz2.open(path)
        case ".xz":
            return lzma.open(path)
        case _:
            import pyarrow as pa

            return cast("IO[bytes]", pa.input_stream(str(path), compression="zstd"))


class _Unfolded(io.RawIOBase):
    """What a compressed file holds, as long as it is no bomb."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        piece = self._file.read(min(memoryview(buffer).nbytes, self._left + 1))
        self._left -= len(piece)
        if self._left < 0:
            raise OSError(
                f"it unfolds to more than {self._limit:,} bytes, {MAX_UNFOLDING} times its size: unpack it yourself"
            )
        memoryview(buffer)[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()


def _read_lines(file: IO[bytes], name: str, encoding: str, newline: str, *, keep_open: bool = False) -> Iterator[_Line]:
    """Yield the decoded lines of `file`; undecodable bytes become surrogates, which the check of the fields finds."""
    wrapper = _decode(file, encoding, newline)
    number = 0
    try:
        while True:
            number += 1
            try:
                text = _next_line(wrapper)
            except _BadRecordError as error:
                yield _Line(number, "", str(error))
                continue
            except _STREAM_ERRORS as error:
                if number == 1:
                    raise DataError(f"{name}: can't be read: {_one_line(error)}") from error
                yield _Line(number, "", f"the file can't be read from here on: {_one_line(error)}")
                return
            if not text:
                return
            yield _Line(number, _without_mark(text, name) if number == 1 else text)
    finally:
        if keep_open:
            wrapper.detach()
        else:
            file.close()


def _decode(file: IO[bytes], encoding: str, newline: str) -> io.TextIOWrapper:
    try:
        return io.TextIOWrapper(file, encoding, errors="surrogateescape", newline=newline)
    except LookupError as error:
        file.close()
        raise DataError(f"encoding {encoding!r} is unknown; use utf-8, utf-16, cp1256, iso8859-6, ...") from error


def _next_line(wrapper: io.TextIOWrapper) -> str:
    """Return the next line, '' at the end; one that is too long is skipped without being held in memory."""
    text = wrapper.readline(MAX_RECORD_CHARS)
    if len(text) < MAX_RECORD_CHARS or text.endswith(("\n", "\r")):
        return text
    while (rest := wrapper.readline(MAX_RECORD_CHARS)) and not rest.endswith(("\n", "\r")):
        pass
    raise _BadRecordError(_too_long())


def _too_long() -> str:
    return f"longer than {MAX_RECORD_CHARS:,} characters"


def _without_mark(text: str, name: str) -> str:
    """Return the first line without its byte order mark (U+FEFF)."""
    if text.startswith(("\udcff\udcfe", "\udcfe\udcff")):
        raise DataError(f"{name}: starts with the byte order mark of UTF-16: read it with encoding 'utf-16'")
    return text.removeprefix("\ufeff")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _open_json(lines: Iterator[_Line], close: Callable[[], object]) -> _Table:
    columns: dict[str, None] = {}
    return _Table(columns, _json_rows(lines, columns), False, close)


def _json_rows(lines: Iterable[_Line], columns: dict[str, None]) -> Iterator[_Row]:
    for line in lines:
        if line.error is None and not line.text.strip():
            continue
        row = _Row(line.number, error=line.error) if line.error else _json_row(line)
        if len(columns) < _MAX_COLUMNS:
            columns.update(dict.fromkeys(row.fields))
        yield row


def _json_row(line: _Line) -> _Row:
    try:
        value = json.loads(line.text)
    except json.JSONDecodeError as error:
        return _Row(line.number, error=f"not valid JSON: {error.msg} at character {error.colno}")
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        return _Row(line.number, error=f"not usable JSON: {_one_line(error)}")
    if not isinstance(value, dict):
        return _Row(line.number, error=f"a line must be a JSON object, got {type(value).__name__}")
    return _Row(line.number, value)


class _Replay:
    """Lines for `csv.reader` that can be given back when a quote that was never closed has swallowed them."""

    def __init__(self, lines: Iterator[_Line]) -> None:
        self._lines = lines
        self._again: deque[_Line] = deque()
        self._size = 0
        self._n_new = self._n_again = 0
        self.taken: list[_Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.taken and self._n_again > _MOST_REPLAYS * self._n_new:
            # Else a file of quotes that open and never close takes quadratic time.
            raise _BadRecordError("a quote is not closed in its line, as in many lines before")
        line = self._take()
        self.taken.append(line)
        self._size += len(line.text)
        if line.error or self._size > MAX_RECORD_CHARS:
            raise _BadRecordError(line.error or _too_long())
        return line.text

    def _take(self) -> _Line:
        if self._again:
            line = self._again.popleft()
            self._n_again += len(line.text)
        else:
            line = next(self._lines)
            self._n_new += len(line.text)
        return line

    def start(self) -> None:
        """Begin a record."""
        self.taken.clear()
        self._size = 0

    def give_back(self) -> None:
        """Let the lines after the first of this record be read again."""
        self._again.extendleft(reversed(self.taken[1:]))


def _open_csv(
    path: Path, lines: Iterator[_Line], columns: _Columns, delimiter: str, close: Callable[[], object]
) -> _Table:
    # The limit belongs to the process and can't be set for one reader, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_CHARS))
    rows = _csv_cells(lines, delimiter)
    try:
        header = _header(path, rows, columns)
    except DataError:
        close()
        raise
    return _Table(dict.fromkeys(header), _csv_rows(rows, header), True, close)


def _header(path: Path, rows: Iterator[tuple[int, list[str], str | None]], columns: _Columns) -> list[str]:
    position, cells, error = next(rows, (0, [], "the file is empty"))
    if error:
        raise DataError(f"{path}: the header can't be read: line {position}: {error}")
    header = [cell.strip() for cell in cells]
    twice = [name for name in columns.names() if header.count(name) > 1]
    if twice:
        raise DataError(f"{path}: column {twice[0]!r} occurs {header.count(twice[0])} times: rename all but one")
    return header


def _csv_rows(rows: Iterable[tuple[int, list[str], str | None]], header: list[str]) -> Iterator[_Row]:
    for position, cells, error in rows:
        if error is None and len(cells) != len(header):
            error = f"has {len(cells)} cells, the header has {len(header)}"
        yield _Row(position, error=error) if error else _Row(position, dict(zip(header, cells, strict=True)))


def _csv_cells(lines: Iterator[_Line], delimiter: str) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield (line number, cells, error); after a broken quote reading goes on in the line that follows it."""
    replay = _Replay(lines)
    # Without `strict` a stray quote silently merges two records into one.
    reader = csv.reader(replay, delimiter=delimiter, strict=True)
    while True:
        replay.start()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _BadRecordError) as error:
            replay.give_back()
            first = replay.taken[0]
            yield first.number, [], first.error or f"malformed quotes or too long: {_one_line(error)}"
        else:
            if cells:  # a blank line has none
                yield replay.taken[0].number, cells, None


def _open_parquet(path: Path, columns: _Columns) -> _Table:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            shared = _columns_to_share(file)
        file = pq.ParquetFile(path, read_dictionary=shared)
    except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these
        raise DataError(f"{path}: not a readable parquet file: {_one_line(error)}") from error
    names = file.schema_arrow.names
    wanted = [name for name in dict.fromkeys(columns.names()) if name in names]
    return _Table(dict.fromkeys(names), _parquet_rows(file, wanted), True, file.close)


def _parquet_rows(file: "pq.ParquetFile", wanted: list[str]) -> Iterator[_Row]:
    """Yield the rows; a row group that is damaged is reported once and the next one is read."""
    start = 1
    with file:
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            position = start
            try:
                for batch in file.iter_batches(_rows_a_batch(file, group), row_groups=[group], columns=wanted):
                    for fields in _batch_rows(batch):
                        yield _Row(position, fields)
                        position += 1
            except (OSError, ValueError) as error:
                yield _Row(position, error=f"rows {position} to {end - 1} can't be read: {_one_line(error)}")
            start = end


def _columns_to_share(file: "pq.ParquetFile") -> list[str]:
    """Return the columns to read as dictionaries, or one long text that many rows share would be unfolded a row each.

    The dictionary of a row group is held whole: none where the groups are large.
    """
    import pyarrow as pa

    groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
    if any(group.total_byte_size > _PARQUET_BYTES for group in groups):
        return []
    return [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]


def _rows_a_batch(file: "pq.ParquetFile", group: int) -> int:
    """Return how many rows to read at once; OSError if a column unfolds to more than is read of compressed files."""
    metadata = file.metadata.row_group(group)
    for column in map(metadata.column, range(metadata.num_columns)):
        if column.total_uncompressed_size > max(MAX_UNFOLDING * column.total_compressed_size, MAX_RECORD_CHARS):
            raise OSError(f"column {column.path_in_schema!a:.40} unfolds to more than {MAX_UNFOLDING} times its size")
    mean_bytes = int(metadata.total_byte_size) // max(int(metadata.num_rows), 1)
    return max(1, min(_PARQUET_ROWS, _PARQUET_BYTES // max(mean_bytes, 1)))


def _batch_rows(batch: "pa.RecordBatch") -> Iterator[dict[str, object]]:
    values = [_python_values(column) for column in batch.columns]
    for cells in zip(*values, strict=True):
        yield dict(zip(batch.schema.names, cells, strict=True))


def _python_values(column: "pa.Array") -> list[object]:
    if hasattr(column, "dictionary"):
        used = column.indices.unique().drop_null()
        values = dict(zip(used.to_pylist(), _python_values(column.dictionary.take(used)), strict=True))
        return [values.get(i) for i in column.indices.to_pylist()]
    try:
        return cast("list[object]", column.to_pylist())
    except UnicodeDecodeError:  # some string is not UTF-8: find out which, and keep the others
        return [_python_value(scalar) for scalar in column]


def _python_value(scalar: "pa.Scalar") -> object:
    try:
        return cast("object", scalar.as_py())
    except UnicodeDecodeError:
        if hasattr(scalar, "as_buffer"):
            return bytes(scalar.as_buffer()).decode("utf-8", "surrogateescape")
        return [_python_value(item) for item in scalar.values]


def _open_folder(path: Path, columns: _Columns, encoding: str) -> _Table:
    try:
        "".encode(encoding)
        files = [file for folder in sorted(path.iterdir()) if folder.is_dir() for file in sorted(folder.glob("*.txt"))]
    except LookupError as error:
        raise DataError(f"encoding {encoding!r} is unknown; use utf-8, utf-16, cp1256, iso8859-6, ...") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if not files:
        raise DataError(f"{path}: the folder holds no LABEL/*.txt: put the texts of a label into a folder of its name")
    task = "topic" if "topic" in columns.tasks else next(iter(columns.tasks), "topic")
    label = columns.tasks.get(task, task)
    names = dict.fromkeys([columns.text, columns.id, label])
    return _Table(names, _folder_rows(files, columns, label, encoding))


def _folder_rows(files: Iterable[Path], columns: _Columns, label: str, encoding: str) -> Iterator[_Row]:
    for position, file in enumerate(files, start=1):
        where = f"{file.parent.name}/{file.name}"
        if not file.is_file():  # a pipe would be waited for
            yield _Row(position, error=f"{where}: not a file")
            continue
        try:
            with file.open(encoding=encoding, errors="surrogateescape") as stream:
                text = stream.read(MAX_RECORD_CHARS + 1).removeprefix("\ufeff")
        except (OSError, UnicodeError) as error:
            yield _Row(position, error=f"{where}: can't be read: {_one_line(error)}")
            continue
        name = f"{file.parent.name}/{file.stem}"
        yield _Row(position, {columns.text: text, columns.id: name, label: [file.parent.name]}, where=f"{where}: ")


def _to_records(table: _Table, columns: _Columns) -> Iterator[Record]:
    for row in table.rows:
        if row.error is not None:
            yield Record(row.position, error=row.error)
            continue
        try:
            yield _to_record(row, columns)
        except _BadRecordError as error:
            yield Record(row.position, error=f"{row.where}{error}")


def _to_record(row: _Row, columns: _Columns) -> Record:
    fields = row.fields
    title = _unless_missing(fields.get(columns.title))
    article = Article(
        text=_text(fields, columns.text),
        title="" if title is None else _string(title, columns.title),
        id=_key(fields.get(columns.id), columns.id),
    )
    labels = {task: parse_labels(fields.get(column), column) for task, column in columns.tasks.items()}
    group = _key(fields.get(columns.group), columns.group) if columns.group else None
    return Record(row.position, article, labels, None, group)


def _unless_missing(value: object) -> object | None:
    """Return None for null and NaN, else the value."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _text(fields: Mapping[str, object], column: str) -> str:
    value = _unless_missing(fields.get(column))
    if value is None:
        raise _BadRecordError(f"{column} is {'null' if column in fields else 'missing'}")
    text = _string(value, column)
    if not text.strip():
        raise _BadRecordError(f"{column} is empty")
    return text


def _string(value: object, column: str) -> str:
    if not isinstance(value, str):
        raise _BadRecordError(f"{column} must be str, got {type(value).__name__}")
    if len(value) > MAX_RECORD_CHARS:
        raise _BadRecordError(f"{column} is {_too_long()}")
    if found := _UNUSABLE.search(value):
        raise _BadRecordError(f"{column} has {_describe(found.group())} at character {found.start() + 1}")
    return value


def _describe(character: str) -> str:
    if character == "\x00":
        return "a NUL"
    code = ord(character) - 0xDC00  # `surrogateescape` puts byte B at U+DC00 + B
    return f"the byte 0x{code:02X}, which is not text in this encoding" if 0x80 <= code <= 0xFF else "half a character"


def _key(value: object, column: str) -> str | None:
    """Return an id or a group as str; numbers are taken as they would be written."""
    value = _unless_missing(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = _number(value, column)
    return None if value is None else _string(value, column).strip() or None


def _number(value: float, column: str) -> str:
    """Write a whole number without the ``.0`` that pandas gives to a column with gaps."""
    if isinstance(value, float) and not value.is_integer():
        raise _BadRecordError(f"{column} must be str or a whole number, got {value!r}")
    return str(int(value))


def parse_labels(value: object, column: str) -> list[str] | None:
    """Return the labels that a cell holds: None if unknown, an empty list if none."""
    value = _unless_missing(value)
    if value is None:
        return None
    if isinstance(value, str):
        found = _string(value, column).split()
        return None if not found else [] if found == ["-"] else list(dict.fromkeys(found))
    items = value if isinstance(value, (list, tuple)) else [value]
    return list(dict.fromkeys(_label(item, column) for item in items))


def _label(value: object, column: str) -> str:
    label = _key(value, column)
    if label is None:
        raise _BadRecordError(f"{column} lists an empty label: {value!r}")
    return label
