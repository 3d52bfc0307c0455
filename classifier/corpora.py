"""Fetch, read and convert public corpora of Arabic news, and join the annotations of this project to them.

No corpus text is part of this package. `corpora.toml` says where each corpus is, under which terms, and how to cite it.
"""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import sys
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from functools import cache as memoize
from importlib.resources import files
from itertools import islice
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

from classifier.article import Article
from classifier.data import MAX_UNFOLDING, TASK_COLUMNS, LabelledArticles, PathLike, Reject, parse_labels
from classifier.errors import DataError

if TYPE_CHECKING:
    import httpx
    from rich.progress import Progress

__all__ = ["Corpus", "CorpusArticle", "convert", "fetch", "join_annotations", "load", "registry"]

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_ATTEMPTS = 5
_FIRST_WAIT_SECONDS = 1.0
_MAX_MEMBER_BYTES = 2**24  # the longest article of these corpora has 40 kB
_MAX_HEADER_BYTES = 2**20  # tarfile reads a header's extension into memory before it shows the member
_WRITTEN_ROWS = 4096
_ARABIC_VARIETIES = "arb ars arz ary apc ajp acm acq aeb"
_SIB_MEMBER = re.compile(rf"data/annotated/(({_ARABIC_VARIETIES.replace(' ', '|')})_Arab)/(train|dev|test)\.tsv$")
# The balanced subset repeats articles of the full set.
_SANAD_MEMBER = re.compile(r"^(?!.*subset).*khaleej.*?/(?P<section>[^/]+)/(?P<number>[^/]+)\.txt$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Corpus:
    """One entry of `corpora.toml`, whose head says what the fields mean."""

    name: str
    title: str
    homepage: str
    address: str
    file: str
    mirror: str
    licence: str
    citation: str
    parser: str
    id_pattern: str = "(?!)"
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class CorpusArticle:
    """An article of a corpus as its publishers give it; what they don't say is None.

    Parameters
    ----------
    id : str
        The publishers' own, unique in the corpus.
    title, text : str
        Either may be empty.
    section : str or None
        The publishers' label.
    outlet : str or None
        Where the article appeared.
    date : str or None
        ISO 8601, with or without a time.
    split : str or None
        ``train``, ``dev`` or ``test`` where the publishers split the corpus.
    lang : str
        ``ar``, or the code of a variety such as ``arb_Arab``.
    """

    id: str
    title: str
    text: str
    section: str | None = None
    outlet: str | None = None
    date: str | None = None
    split: str | None = None
    lang: str = "ar"


@memoize
def registry() -> Mapping[str, Corpus]:
    """Return the known corpora by name."""
    table = tomllib.loads(files("classifier").joinpath("corpora.toml").read_text(encoding="utf-8"))
    return {name: Corpus(name, **entry) for name, entry in table.items()}


def fetch(name: str, *, mirror: PathLike | None = None, cache: PathLike | None = None) -> Path:
    """Return the archive of a corpus on this machine; download it if it isn't here yet.

    A download that was cut goes on where it stopped, also in a later call.

    Parameters
    ----------
    name : str
        A key of `registry`.
    mirror : str or path, optional
        A folder that holds the archive under its `Corpus.mirror` name, or the https address of such a folder
        (http is allowed for this machine only). Checksums are not compared for mirrors.
    cache : str or path, optional
        Folder of the downloads; by default the user's cache folder.

    Raises
    ------
    DataError
        If the corpus is unknown, can't be fetched, or has another checksum than the registry says.
    """
    corpus = _find(name)
    if mirror is not None and "://" not in os.fspath(mirror):
        return _in_folder(corpus, Path(mirror))
    address = corpus.address if mirror is None else f"{os.fspath(mirror).rstrip('/')}/{corpus.mirror}"
    if not address:
        raise DataError(f"{name}: no address is known, see {corpus.homepage}; give a mirror (--mirror DIR-or-URL)")
    _check_address(address)
    # Each mirror has a name of its own in the cache: the archives of two may differ.
    file = corpus.file if mirror is None else f"{hashlib.sha256(address.encode()).hexdigest()[:12]}-{corpus.mirror}"
    target = (_default_cache() if cache is None else Path(cache)) / name / file
    if not target.exists():
        _download(address, target, corpus.sha256 if mirror is None else None)
    return target


def load(name: str, mirror: PathLike | None = None, cache: PathLike | None = None) -> Iterator[CorpusArticle]:
    """Read the articles of a corpus one after the other; fetch it first if need be.

    Archives are read as streams: nothing is unpacked, and a member of more than 16 MiB is refused.

    Parameters
    ----------
    name : str
        A key of `registry`.
    mirror, cache : str or path, optional
        As for `fetch`.

    Raises
    ------
    DataError
        As `fetch`, or if the archive is damaged.
    """
    corpus = _find(name)
    path = fetch(name, mirror=mirror, cache=cache)
    read = _read_table if path.suffix == ".parquet" else _PARSERS[corpus.parser]
    return _guarded(path, read)


def convert(name: str, out: PathLike, *, mirror: PathLike | None = None, cache: PathLike | None = None) -> int:
    """Write the articles of a corpus to a file and return how many there are.

    The columns are the fields of `CorpusArticle`. The file appears when it is complete.

    Parameters
    ----------
    name : str
        A key of `registry`.
    out : str or path
        ``.parquet``, ``.jsonl`` (also with ``.gz``, ``.bz2``, ``.xz``, ``.zst``), or ``-``: JSON lines on standard
        output.
    mirror, cache : str or path, optional
        As for `fetch`.

    Raises
    ------
    DataError
        As `load`, or if the format of `out` is unknown or it can't be written.
    """
    if os.fspath(out) == "-":
        return _write_json(load(name, mirror, cache), sys.stdout)
    out = Path(out)
    write = _write_parquet if out.suffix.lower() == ".parquet" else _write_json_file
    if write is _write_json_file and not re.search(r"\.jsonl(\.gz|\.bz2|\.xz|\.zst)?$", out.name.lower()):
        raise DataError(f"{out}: unknown format; end the name in .parquet, .jsonl, .jsonl.gz, .bz2, .xz or .zst")
    articles = load(name, mirror, cache)
    with _replacing(out) as part:
        return write(articles, part)


def join_annotations(
    path: PathLike, *, split: str | None = None, mirror: PathLike | None = None, cache: PathLike | None = None
) -> LabelledArticles:
    """Find the articles that annotations are about, in the corpora that their ids point to.

    Parameters
    ----------
    path : str or path
        A CSV file, or a folder of such files, with the columns ``id``, any of ``topics`` and ``countries``, and, if
        `split` is given, ``split``. Labels are written as `classifier.data.read_articles` reads them.
    split : str, optional
        Take only the rows of this split.
    mirror, cache : str or path, optional
        As for `fetch`.

    Returns
    -------
    LabelledArticles
        In the order of the annotations; `groups` are the outlets, `positions` the lines. Annotations whose article
        isn't in the corpora are among the rejects.

    Raises
    ------
    DataError
        As `load`, or if the annotations can't be read.
    """
    rows = [row for row in _read_annotations(Path(path)) if split is None or row.get("split") == split]
    if not rows:
        raise DataError(f"{path}: no annotations{f' of split {split!r}' if split else ''}")
    found = _find_articles({row["id"] for row in rows}, mirror, cache)
    result = LabelledArticles([], {task: [] for task in TASK_COLUMNS}, [], [], [])
    for row in rows:
        # Each article is handed out once, so that a repeated id is reported.
        article = found.pop(row["id"], None)
        if article is None:
            result.rejects.append(Reject(int(row[""]), f"id {row['id']!r} is in no corpus, or was annotated above"))
        else:
            _add(result, row, article)
    return result


def _add(result: LabelledArticles, row: Mapping[str, str], article: CorpusArticle) -> None:
    result.articles.append(Article(article.text, article.title, article.id))
    result.positions.append(int(row[""]))
    for task, column in TASK_COLUMNS.items():
        result.labels[task].append(parse_labels(row.get(column), column))
    if result.groups is not None:
        result.groups.append(article.outlet or "")


def _read_annotations(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of the CSV files; the line number is under the key ''."""
    try:
        for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
            with file.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream, restval="")
                if "id" not in (reader.fieldnames or ()):
                    raise DataError(f"{file}: no column 'id'; it has {', '.join(reader.fieldnames or ())}")
                for row in reader:
                    yield {**row, "": str(reader.line_num)}
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path}: annotations can't be read: {error}") from error


def _find_articles(ids: set[str], mirror: PathLike | None, cache: PathLike | None) -> dict[str, CorpusArticle]:
    found: dict[str, CorpusArticle] = {}
    for corpus in registry().values():
        if any(re.fullmatch(corpus.id_pattern, id) for id in ids):
            found.update((article.id, article) for article in load(corpus.name, mirror, cache) if article.id in ids)
    return found


def _find(name: str) -> Corpus:
    corpora = registry()
    if name not in corpora:
        near = get_close_matches(name, corpora, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"corpus {name!r} is not one of {', '.join(corpora)}{hint}")
    return corpora[name]


def _in_folder(corpus: Corpus, folder: Path) -> Path:
    for file in (corpus.mirror, corpus.file):
        if (folder / file).is_file():
            return folder / file
    raise DataError(f"{folder}: the mirror holds no {corpus.mirror} (nor {corpus.file}), the archive of {corpus.name}")


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS):
        return
    raise DataError(
        f"{address}: only https is fetched (http from {', '.join(_LOCAL_HOSTS)} only): use an https address"
    )


def _default_cache() -> Path:
    with _needs_extra():
        from platformdirs import user_cache_path

        return user_cache_path("arabic-news-classifier")


@contextmanager
def _needs_extra() -> Iterator[None]:
    """Turn a missing optional library into the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DataError(
            f"fetching corpora needs {error.name}: pip install 'arabic-news-classifier[data]', or give a folder as mirror"
        ) from error


def _download(
    address: str, target: Path, sha256: str | None, *, transport: "httpx.BaseTransport | None" = None
) -> None:
    """Download to a partial file beside `target`, check it, and give it its name in one step."""
    with _needs_extra():
        import httpx
        import tenacity

    part = target.with_name(f"{target.name}.part")
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=_FIRST_WAIT_SECONDS, max=30),
        retry=tenacity.retry_if_exception(_may_pass),
        reraise=True,
    )
    hooks: dict[str, list[Callable[..., object]]] = {"request": [_refuse_leaving_tls(address)]}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            httpx.Client(follow_redirects=True, timeout=30, event_hooks=hooks, transport=transport) as client,
            _progress() as progress,
        ):
            retrying(_receive, client, address, part, progress)
        _check_sum(part, sha256, address)
        part.replace(target)
    except httpx.HTTPStatusError as error:
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        raise DataError(f"{error.request.url}: the server answers {status}; give a mirror (--mirror)") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DataError(f"{address}: {error}; fetch again to go on where it stopped, or give a mirror") from error
    except OSError as error:
        raise DataError(f"{part}: {error.strerror or error}") from error
    _tag_file(part).unlink(missing_ok=True)


def _may_pass(error: BaseException) -> bool:
    """Say whether it is worth while to try again."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in (408, 429) or error.response.is_server_error
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _refuse_leaving_tls(address: str) -> "Callable[[httpx.Request], None]":
    """Return a hook that sees every request, also those that redirects lead to."""
    may_be_plain = urlsplit(address).scheme == "http"

    def check(request: "httpx.Request") -> None:
        url = request.url
        if url.scheme != "https" and not (may_be_plain and url.scheme == "http" and url.host in _LOCAL_HOSTS):
            raise DataError(f"{address}: redirects to {url}, which is not https: refused, give a mirror (--mirror)")

    return check


def _receive(client: "httpx.Client", address: str, part: Path, progress: "Progress") -> None:
    """Receive what is still missing of the partial file, or all of it if the server can't go on."""
    import httpx

    done = part.stat().st_size if part.exists() else 0
    with client.stream("GET", address, headers=_request_headers(part, done)) as response:
        resumes = response.status_code == httpx.codes.PARTIAL_CONTENT
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE or (
            resumes and not response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        ):
            part.unlink(missing_ok=True)
            raise httpx.RemoteProtocolError("the partial download does not fit any more")
        response.raise_for_status()
        if not resumes:
            done = 0
            _tag_file(part).write_text(_validator(response), encoding="utf-8")
        total = done + int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
        task = progress.add_task(PurePosixPath(urlsplit(address).path).name, total=total, completed=done)
        with part.open("ab" if resumes else "wb") as file:
            for chunk in response.iter_raw():
                progress.advance(task, file.write(chunk))


def _request_headers(part: Path, done: int) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}  # a range counts the bytes as they are sent
    if done:
        headers["Range"] = f"bytes={done}-"
        with suppress(OSError):
            headers["If-Range"] = _tag_file(part).read_text(encoding="utf-8")
    return {key: value for key, value in headers.items() if value}


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _validator(response: "httpx.Response") -> str:
    """Return what tells the server, in a later request, which version of the file the first part is of."""
    etag = response.headers.get("ETag", "")
    return str(response.headers.get("Last-Modified", "") if etag.startswith("W/") else etag)


def _check_sum(part: Path, sha256: str | None, address: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and found != sha256:
        part.unlink()
        _tag_file(part).unlink(missing_ok=True)
        raise DataError(f"{address}: sha256 must be {sha256}, got {found}: the file was not kept, fetch again")


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=Console(stderr=True))


def _guarded(path: Path, read: Callable[[Path], Iterator[CorpusArticle]]) -> Iterator[CorpusArticle]:
    """Read an archive; whatever is wrong with it becomes one line."""
    try:
        yield from read(path)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: the archive can't be read ({error}): delete it and fetch it again") from error


class _CheckedTarInfo(tarfile.TarInfo):
    """A tar header whose extensions (long names, pax records) may not be of any length."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in b"xgLKX" and info.size > _MAX_HEADER_BYTES:
            raise DataError(f"a tar header of {info.size:,} bytes is not read, at most {_MAX_HEADER_BYTES:,}")
        return info


def _tar_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the regular files whose name is wanted, without unpacking the archive."""
    left = max(MAX_UNFOLDING * path.stat().st_size, _MAX_MEMBER_BYTES)
    with tarfile.open(path, "r|*", tarinfo=_CheckedTarInfo) as archive:
        while (member := archive.next()) is not None:
            left -= member.size
            if left < 0:  # what is not wanted is unpacked too, to get past it
                raise DataError(f"{path}: unfolds to more than {MAX_UNFOLDING} times its size at {member.name:.100}")
            if member.isreg() and not member.issparse() and wanted(member.name):
                _check_size(path, member.name, member.size)
                yield member.name, cast("IO[bytes]", archive.extractfile(member)).read()


def _check_size(path: Path, name: str, size: int) -> None:
    if size > _MAX_MEMBER_BYTES:
        raise DataError(f"{path}: member {name:.100} has {size:,} bytes, at most {_MAX_MEMBER_BYTES:,} are read")


def _read_ant(path: Path) -> Iterator[CorpusArticle]:
    for name, content in _tar_members(path, lambda name: name.endswith(".txt")):
        yield _ant_article(PurePosixPath(name), content.decode("utf-8", "replace"))


def _ant_article(name: PurePosixPath, page: str) -> CorpusArticle:
    # The pages look like XML, but & and < are not escaped in them.
    tags = {tag: _tag(page, tag) for tag in ("DOCNO", "TITLE", "TEXT", "CAT", "SRC", "TIME")}
    return CorpusArticle(
        id=tags["DOCNO"] or name.stem,
        title=tags["TITLE"],
        text=tags["TEXT"],
        section=tags["CAT"] or name.parent.name or None,
        outlet=tags["SRC"] or None,
        date=_iso_date(tags["TIME"]),
    )


def _tag(page: str, tag: str) -> str:
    _, _, rest = page.partition(f"<{tag}>")
    # Only the text can contain anything, so its end is the last one.
    inside, end, _ = rest.rpartition(f"</{tag}>") if tag == "TEXT" else rest.partition(f"</{tag}>")
    return inside.strip() if end else ""


def _iso_date(time: str) -> str | None:
    """Return the date, and the time if there is one, by ISO 8601; None if it isn't in any form that ANT has."""
    parsers: tuple[Callable[[str], datetime], ...] = (datetime.fromisoformat, parsedate_to_datetime)
    for parse in parsers:
        with suppress(ValueError):
            return parse(time).isoformat()
    with suppress(ValueError):
        return datetime.strptime(time, "%d/%m/%Y").date().isoformat()
    return None


def _read_sib200(path: Path) -> Iterator[CorpusArticle]:
    for name, content in _tar_members(path, lambda name: _SIB_MEMBER.search(name) is not None):
        lang, _, split = cast("re.Match[str]", _SIB_MEMBER.search(name)).groups()
        table = io.StringIO(content.decode("utf-8"), newline="")
        for row in csv.DictReader(table, delimiter="\t"):
            yield CorpusArticle(f"{lang}/{row['index_id']}", "", row["text"], row["category"], split=split, lang=lang)


def _read_sanad(path: Path) -> Iterator[CorpusArticle]:
    with zipfile.ZipFile(path) as archive:
        for name, content in _zip_members(path, archive):
            if match := _SANAD_MEMBER.match(name):
                section, number = match.group("section", "number")
                text = content.decode("utf-8", "replace").strip()
                yield CorpusArticle(f"khaleej/{section}/{number}", "", text, section, "khaleej")


def _zip_members(path: Path, archive: zipfile.ZipFile, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the texts, also of those in a zip inside the zip (one level)."""
    for member in archive.infolist():
        name = prefix + member.filename
        if name.endswith(".txt"):
            _check_size(path, name, member.file_size)
            with archive.open(member) as file:
                yield name, file.read(_MAX_MEMBER_BYTES)  # the size in the directory may be a lie
        elif name.endswith(".zip") and not prefix:
            yield from _nested_members(path, archive, member)


def _nested_members(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[tuple[str, bytes]]:
    # An inner zip is stored, not packed, by any sane packer: far more than the archive's own size is a bomb.
    limit = 10 * path.stat().st_size
    with TemporaryFile() as copy, archive.open(member) as file:
        while chunk := file.read(2**20):
            if copy.tell() > limit:
                raise DataError(f"{path}: member {member.filename:.100} unfolds to more than {limit:,} bytes: not read")
            copy.write(chunk)
        with zipfile.ZipFile(copy) as inner:
            yield from _zip_members(path, inner, f"{member.filename}/")


def _read_table(path: Path) -> Iterator[CorpusArticle]:
    """Read a mirror's parquet file: id, text, label; source, split and lang where it has them."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_WRITTEN_ROWS):
            for row in batch.to_pylist():
                yield _table_article(row)


def _table_article(row: Mapping[str, str | None]) -> CorpusArticle:
    lang = row.get("lang")
    id = row["id"] or ""
    return CorpusArticle(
        id=f"{lang}/{id}" if lang else id,  # the sentences of SIB-200 have the same ids in all languages
        title=row.get("title") or "",
        text=row["text"] or "",
        section=row.get("label"),
        outlet=row.get("source") or ("khaleej" if id.startswith("khaleej/") else None),
        split=row.get("split"),
        lang=lang or "ar",
    )


_PARSERS: dict[str, Callable[[Path], Iterator[CorpusArticle]]] = {
    "ant": _read_ant,
    "sanad": _read_sanad,
    "sib200": _read_sib200,
    "table": _read_table,
}


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Give a name beside `out` to write to; it becomes `out` at the end, or vanishes."""
    part = out.with_name(f".{os.getpid()}-{out.name}")
    try:
        yield part
        part.replace(out)
    except OSError as error:
        raise DataError(f"{out}: can't be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _write_json_file(articles: Iterable[CorpusArticle], path: Path) -> int:
    with _create_binary(path) as binary, io.TextIOWrapper(binary, "utf-8", newline="\n") as file:
        return _write_json(articles, file)


def _create_binary(path: Path) -> IO[bytes]:
    match path.suffix.lower():
        case ".gz":
            return cast("IO[bytes]", gzip.open(path, "wb"))
        case ".bz2":
            return bz2.open(path, "wb")
        case ".xz":
            return lzma.open(path, "wb")
        case ".zst":
            import pyarrow as pa

            return cast("IO[bytes]", io.BufferedWriter(pa.output_stream(str(path), compression="zstd")))
        case _:
            return path.open("wb")


def _write_json(articles: Iterable[CorpusArticle], file: IO[str]) -> int:
    count = 0
    for count, article in enumerate(articles, start=1):  # noqa: B007
        file.write(json.dumps(asdict(article), ensure_ascii=False) + "\n")
    return count


def _write_parquet(articles: Iterable[CorpusArticle], path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(field.name, pa.string()) for field in fields(CorpusArticle)])
    count = 0
    rows = iter(articles)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := [asdict(article) for article in islice(rows, _WRITTEN_ROWS)]:
            writer.write_table(pa.Table.from_pylist(batch, schema))
            count += len(batch)
    return count
