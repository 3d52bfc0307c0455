"""Label an archive of many files with Dask: what `predict --engine dask` does.

A task is a file: read by `iter_records`, labelled by `score_partition`, written beside its final name and renamed. A
task that is done twice, because its worker was thought dead, writes the same file twice. The manifest is kept here, in
the one process that started the run.
"""

import glob
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from classifier.data import Record, iter_records
from classifier.errors import ClassifierError, DataError, ModelFormatError
from classifier.manifest import Done, Manifest, identity_of
from classifier.partition import model_digest, partition_schema, score_partition
from classifier.streaming import StreamOptions, batched

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client, Future, LocalCluster

__all__ = ["ArchiveResult", "label_file", "predict_archive"]

_FRAME_RECORDS = 4096
_RETRIES = 3
_LOOK_SECONDS = 2.0
_LOOKS_BEFORE_LOST = 10
_LOST_WORKERS = 10
"""How many workers may die over one file before it is given up: it may be the file that kills them."""


@dataclass(slots=True)
class ArchiveResult:
    """What a run did: records, files that were done before it, and why others could not be labelled."""

    labelled: int
    rejected: int
    resumed: int
    failures: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker must know beside the file; all of it is sent with each task."""

    folder: str
    model: str | None
    digest: str
    options: StreamOptions


def _ignore(*_: object) -> None:
    """Be told, and do nothing."""


def predict_archive(
    patterns: Sequence[str],
    folder: str | Path,
    options: StreamOptions,
    *,
    model: str | Path | None = None,
    scheduler: str | None = None,
    n_workers: int | None = None,
    resume: bool = False,
    on_start: Callable[[str], object] = _ignore,
    on_file: Callable[[int, int], object] = _ignore,
) -> ArchiveResult:
    """Label all files that match, one file of labels each.

    Parameters
    ----------
    patterns : sequence of str
        Files that `iter_records` reads, or glob patterns of such.
    folder : str or Path
        Gets ``NAME-HASH.parquet`` for each file, and ``manifest.jsonl``. With a `scheduler` on another machine all
        its workers must see this folder, the files and the model under the same paths.
    options : StreamOptions
    model : str, Path or None
        A model folder; None for the shipped model.
    scheduler : str or None
        Address of a running Dask scheduler; None for workers of our own on this machine.
    n_workers : int or None
        Of our own; None for one a processor.
    resume : bool
        Go on with the run in `folder`: what is done, and was not replaced since, is not done again.
    on_start : callable
        Called with the dashboard's address once there are workers.
    on_file : callable
        Called when a file is done or failed, with how many are and how many there are in all.

    Returns
    -------
    ArchiveResult
        Its `failures` name the files that could not be labelled; the others are.

    Raises
    ------
    DataError
        If no file matches, `folder` can't be used, Dask is not installed or its scheduler can't be reached.
    ModelFormatError
        If the model can't be read.
    """
    _require_dask()
    files = find_files(patterns)
    place = Path(folder).absolute()
    partition_schema(model)  # a model that can't be read is found before a cluster is started
    job = _Job(str(place), None if model is None else str(Path(model).absolute()), model_digest(model), options)
    manifest = Manifest.open(place, {"model": job.digest, "options": asdict(options)}, resume=resume)
    result = ArchiveResult(0, 0, 0, {})
    try:
        to_do = [file for file in files if not manifest.has(file)]
        result.resumed = len(files) - len(to_do)
        if to_do:
            with _client(scheduler, n_workers) as client:
                on_start(client.dashboard_link)
                for n_done, done in enumerate(_run(client, to_do, job), start=result.resumed + 1):
                    _note(done, manifest, result)
                    on_file(n_done, len(files))
    finally:
        manifest.close()
        _remove_parts(place)
    return result


def find_files(patterns: Sequence[str]) -> list[str]:
    """Return the absolute paths of the files that match, each once, in order.

    Raises
    ------
    DataError
        If a pattern matches none.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        names = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        if not names:
            raise DataError(f"{pattern}: no such file")
        found |= dict.fromkeys(os.path.abspath(name) for name in names)  # noqa: PTH100  (links stay as they are)
    return list(found)


def label_file(source: str, job: _Job) -> Done:
    """Label one file; for a worker.

    Raises
    ------
    DataError
        If it can't be read.
    ModelFormatError
        If this machine has another model under the same path.
    """
    if model_digest(job.model) != job.digest:
        raise ModelFormatError(f"{job.model or 'the shipped model'}: differs from machine to machine: install the same")
    identity = identity_of(source)
    output = Path(job.folder, _output_name(source))
    part = output.with_name(f".{output.name}.{uuid.uuid4().hex}.part")
    try:
        labelled, rejected = _write(source, part, job)
        size = part.stat().st_size
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return Done(source, identity, output.name, labelled, rejected, size)


def _write(source: str, part: Path, job: _Job) -> tuple[int, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("position", pa.int64()), *partition_schema(job.model)])
    n_records = rejected = 0
    with part.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for frame in _frames(source, job.options):
                labels = _label_frame(frame, job)
                n_records += len(labels)
                rejected += int(labels["error"].notna().sum())
                writer.write_table(pa.Table.from_pandas(labels, schema, preserve_index=False))
        file.flush()
        os.fsync(file.fileno())
    return n_records - rejected, rejected


def _frames(source: str, options: StreamOptions) -> "Iterator[pd.DataFrame]":
    """Read a file a table at a time; a bad record has an `error` and no text."""
    records = iter_records(
        source, task_columns={}, text=options.text, title=options.title, id=options.id, encoding=options.encoding
    )
    for batch in batched(records, _FRAME_RECORDS):
        yield _frame(batch)


def _frame(batch: Sequence[Record]) -> "pd.DataFrame":
    import pandas as pd

    articles = [record.article for record in batch]
    columns = {name: [getattr(a, name, None) for a in articles] for name in ("id", "title", "text")}
    columns |= {"position": [r.position for r in batch], "error": [r.error for r in batch]}
    return pd.DataFrame(columns, dtype=object)


def _label_frame(frame: "pd.DataFrame", job: _Job) -> "pd.DataFrame":
    options = replace(job.options, text="text", title="title", id="id")  # under their own names they were read
    labels = score_partition(frame, job.model, options)
    labels["error"] = frame["error"].where(frame["error"].notna(), labels["error"])
    labels.insert(0, "position", frame["position"].astype("int64"))
    return labels


def _output_name(source: str) -> str:
    """Name the labels of a file: files of the same name in other folders get other names."""
    return f"{Path(source).name}-{sha256(os.fsencode(source)).hexdigest()[:8]}.parquet"


def _run(client: "Client", files: Sequence[str], job: _Job) -> "Iterator[tuple[str, Done | str]]":
    """Yield each file as it is done, with what was done or why it was not."""
    from distributed import as_completed

    futures = {client.submit(label_file, file, job, pure=False, retries=_RETRIES): file for file in files}
    for future in as_completed(list(futures)):
        yield futures.pop(future), _outcome(future)


def _note(done: tuple[str, Done | str], manifest: Manifest, result: ArchiveResult) -> None:
    file, outcome = done
    if isinstance(outcome, str):
        result.failures[file] = outcome
        return
    manifest.add(outcome)
    result.labelled += outcome.labelled
    result.rejected += outcome.rejected


def _outcome(future: "Future[Any]") -> Done | str:
    """Return what a task returned, or why it has not."""
    if future.cancelled():
        return "the scheduler was lost"
    error = future.exception()
    if error is None:
        done: Done = future.result()
        return done
    if isinstance(error, ClassifierError | OSError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


@contextmanager
def _client(scheduler: str | None, n_workers: int | None) -> "Iterator[Client]":
    """Connect to a scheduler, or start workers of our own: processes of one thread each, for Python holds a lock."""
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler)
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{scheduler}: no Dask scheduler answers there: {error}") from error
        with client:
            yield client
        return
    n_workers = n_workers or os.cpu_count() or 1
    with dask.config.set({"distributed.scheduler.allowed-failures": _LOST_WORKERS}), ExitStack() as stack:
        try:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    silence_logs="CRITICAL",
                )
            )
            client = stack.enter_context(Client(cluster))
        except (OSError, RuntimeError) as error:
            raise DataError(f"no workers could be started: {error}") from error
        over = Event()
        Thread(target=_replace_lost, args=(cluster, n_workers, over), daemon=True).start()
        stack.callback(over.set)
        yield client


def _replace_lost(cluster: "LocalCluster", n_workers: int, over: Event) -> None:
    """Start workers in place of those that died while they started: Dask starts anew only those that had begun."""
    n_looks = 0
    while not over.wait(_LOOK_SECONDS):
        n_live = len(cluster.scheduler_info["workers"])
        n_looks = n_looks + 1 if n_live < n_workers else 0
        if n_looks == _LOOKS_BEFORE_LOST:
            cluster.scale(n_live)  # gives up those that are not there
            cluster.scale(n_workers)
            n_looks = 0


def _remove_parts(folder: Path) -> None:
    """Remove what workers that died have left half-written."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def _require_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise DataError("Dask is not installed: pip install 'arabic-news-classifier[dask]'") from error
