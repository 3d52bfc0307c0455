import csv
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from classifier import corpora
from classifier.cli_data import data
from classifier.corpora import Corpus, CorpusArticle, convert, fetch, join_annotations, load, registry
from classifier.data import read_articles
from classifier.errors import DataError
from classifier.labels import REGION_OF, TOPICS

PAGE = """<DOC>
<DOCNO>{id}</DOCNO>
<URL>http://example.org/?a=1&b=2</URL>
<SRC>BBC</SRC>
<CAT>culture</CAT>
<TITLE>عنوان & <b</TITLE>
<TIME>{time}</TIME>
<ABSTRACT>
ملخص
</ABSTRACT>
<TEXT>
نص أول </TEXT> بقية
</TEXT>
</DOC>
"""
TIME = "Sun, 18 Feb 2018 21:35:43 +0400"
ARTICLE = CorpusArticle(
    "BB-1", "عنوان & <b", "نص أول </TEXT> بقية", "culture", "BBC", "2018-02-18T21:35:43+04:00", None, "ar"
)


def tar_of(members: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zip_of(members: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


ANT = tar_of({"ant-1/BBC/culture/BB-1.txt": PAGE.format(id="BB-1", time=TIME), "ant-1/README.md": "no article"})


def corpus(name="ant", **changes) -> Corpus:
    values = {"address": "", "file": f"{name}.tar.gz", "mirror": f"{name}-mirror.tar.gz", "parser": "ant"}
    return Corpus(**{"name": name, "title": "t", "homepage": "h", "licence": "l", "citation": "c", **values, **changes})


@pytest.fixture
def register(monkeypatch):
    """Replace the registry by the given corpora, and wait for nothing."""
    monkeypatch.setattr(corpora, "_FIRST_WAIT_SECONDS", 0)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *entries: monkeypatch.setattr(corpora, "registry", lambda: {entry.name: entry for entry in entries})


class Server(ThreadingHTTPServer):
    """Serves `content`; each request takes the next of `answers`, the last one for ever, and is noted."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = ANT
        self.answers = ["whole"]
        self.requests: list[tuple[str, str | None, str | None]] = []
        self.etag = '"v1"'
        self.location = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        byte_range, if_range = self.headers["Range"], self.headers["If-Range"]
        server.requests.append((self.path, byte_range, if_range))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        if answer.isdigit():
            self.send_response(int(answer))
            if server.location:
                self.send_header("Location", server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(byte_range[6:-1]) if byte_range and answer != "no ranges" and if_range in (None, server.etag) else 0
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            shift = 1 if answer == "wrong range" else 0
            last = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {start + shift}-{last}/{len(server.content)}")
        self.send_header("ETag", server.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer == "cut" else body)


@pytest.fixture
def server(register):
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    register(corpus(address=f"{server.url}/ant.tar.gz", sha256=hashlib.sha256(ANT).hexdigest()))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ranges(server) -> list[str | None]:
    return [byte_range for _, byte_range, _ in server.requests]


def test_registry_is_complete():
    assert list(registry()) == ["ant-v2", "ant-v1", "sanad-khaleej", "asnd", "sib-200"]
    for name, entry in registry().items():
        assert entry.name == name
        assert entry.address == "" or entry.address.startswith("https://")
        assert entry.homepage.startswith("https://")
        assert entry.licence
        assert entry.citation
        assert entry.mirror
        assert entry.parser in corpora._PARSERS


def test_unknown_corpus_is_named_with_the_nearest():
    with pytest.raises(DataError, match=r"'ant-v3' is not one of ant-v2, .*did you mean 'ant-v2'"):
        fetch("ant-v3")


def test_fetch_downloads_once(server, tmp_path):
    path = fetch("ant", cache=tmp_path)
    assert path == fetch("ant", cache=tmp_path) == tmp_path / "ant" / "ant.tar.gz"
    assert path.read_bytes() == ANT
    assert [file.name for file in path.parent.iterdir()] == ["ant.tar.gz"]
    assert server.requests == [("/ant.tar.gz", None, None)]


def test_cut_download_goes_on_where_it_stopped(server, tmp_path):
    server.answers = ["cut", "cut", "whole"]
    assert fetch("ant", cache=tmp_path).read_bytes() == ANT
    first, second = len(ANT) // 2, len(ANT) // 2 + (len(ANT) - len(ANT) // 2) // 2
    assert ranges(server) == [None, f"bytes={first}-", f"bytes={second}-"]
    assert server.requests[1][2] == '"v1"'


def test_cut_download_goes_on_in_a_later_call(server, tmp_path):
    server.answers = ["cut", "404"]
    with pytest.raises(DataError, match="404"):
        fetch("ant", cache=tmp_path)
    assert not (tmp_path / "ant" / "ant.tar.gz").exists()
    server.answers = ["whole"]
    assert fetch("ant", cache=tmp_path).read_bytes() == ANT
    assert ranges(server)[-1] == f"bytes={len(ANT) // 2}-"


def test_download_starts_again_if_the_file_changed(server, tmp_path):
    server.answers = ["cut", "404"]
    server.content = b"old" * 1000
    with pytest.raises(DataError, match="404"):
        fetch("ant", cache=tmp_path)
    server.answers, server.content, server.etag = ["whole"], ANT, '"v2"'
    assert fetch("ant", cache=tmp_path).read_bytes() == ANT


@pytest.mark.parametrize("answer", ["no ranges", "wrong range", "416"])
def test_download_starts_again_if_the_server_cannot_go_on(server, tmp_path, answer):
    server.answers = ["cut", answer, "whole"]
    assert fetch("ant", cache=tmp_path).read_bytes() == ANT
    assert ranges(server)[:2] == [None, f"bytes={len(ANT) // 2}-"]
    assert ranges(server)[2:] == ([] if answer == "no ranges" else [None])


def test_busy_server_is_asked_again(server, tmp_path):
    server.answers = ["503", "429", "whole"]
    assert fetch("ant", cache=tmp_path).read_bytes() == ANT


@pytest.mark.parametrize(("answer", "requests"), [("404", 1), ("403", 1), ("500", 5), ("503", 5)])
def test_server_that_refuses_is_named(server, tmp_path, answer, requests):
    server.answers = [answer]
    with pytest.raises(DataError, match=rf"http://127.0.0.1:\d+/ant.tar.gz: the server answers {answer} .*mirror"):
        fetch("ant", cache=tmp_path)
    assert len(server.requests) == requests


def test_download_that_is_always_cut_is_kept_for_the_next_time(server, tmp_path):
    server.answers = ["cut"]
    with pytest.raises(DataError, match="fetch again to go on where it stopped"):
        fetch("ant", cache=tmp_path)
    assert len(server.requests) == 5
    assert ANT.startswith((tmp_path / "ant" / "ant.tar.gz.part").read_bytes())


def test_wrong_checksum_is_refused_and_nothing_is_kept(server, tmp_path):
    server.content = ANT + b"!"
    with pytest.raises(DataError, match=r"sha256 must be [0-9a-f]{64}, got [0-9a-f]{64}: the file was not kept"):
        fetch("ant", cache=tmp_path)
    assert list((tmp_path / "ant").iterdir()) == []


@pytest.mark.parametrize("location", ["http://example.org/x", "http://127.0.0.1.example.org/x", "ftp://127.0.0.1/x"])
def test_redirect_to_plain_http_elsewhere_is_refused(server, tmp_path, location):
    server.answers, server.location = ["302"], location
    with pytest.raises(DataError, match=rf"redirects to {location}, which is not https: refused"):
        fetch("ant", cache=tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["http://example.org/x", "http://localhost/x"])
def test_redirect_from_https_to_http_is_refused(register, tmp_path, location):
    def answer(request):
        assert request.url.scheme == "https"
        return httpx.Response(302, headers={"Location": location})

    register()
    with pytest.raises(DataError, match="which is not https: refused"):
        corpora._download("https://example.org/a", tmp_path / "a", None, transport=httpx.MockTransport(answer))
    assert not (tmp_path / "a").exists()


def test_redirect_within_https_is_followed(register, tmp_path):
    def answer(request):
        if request.url.host == "a.example.org":
            return httpx.Response(302, headers={"Location": "https://b.example.org/x"})
        return httpx.Response(200, stream=httpx.ByteStream(ANT))

    register()
    corpora._download("https://a.example.org/x", tmp_path / "x", None, transport=httpx.MockTransport(answer))
    assert (tmp_path / "x").read_bytes() == ANT


@pytest.mark.parametrize("mirror", ["http://example.org/data", "ftp://localhost/data", "file:///etc"])
def test_plain_http_elsewhere_is_refused(register, tmp_path, mirror):
    register(corpus())
    with pytest.raises(DataError, match="only https is fetched"):
        fetch("ant", mirror=mirror, cache=tmp_path)


def test_mirror_by_address_needs_no_checksum(server, tmp_path):
    server.content = tar_of({"a/b/c.txt": PAGE.format(id="BB-2", time=TIME)})
    assert [article.id for article in load("ant", f"{server.url}/data/", tmp_path)] == ["BB-2"]
    assert server.requests[0][0] == "/data/ant-mirror.tar.gz"
    server.content = ANT
    assert [article.id for article in load("ant", cache=tmp_path)] == ["BB-1"]


@pytest.mark.parametrize("file", ["ant-mirror.tar.gz", "ant.tar.gz"])
def test_mirror_in_a_folder_needs_no_network(register, tmp_path, monkeypatch, file):
    for library in ("httpx", "tenacity", "platformdirs"):
        monkeypatch.setitem(sys.modules, library, None)
    register(corpus(address="https://example.org/x"))
    (tmp_path / file).write_bytes(ANT)
    assert fetch("ant", mirror=tmp_path) == tmp_path / file
    assert list(load("ant", str(tmp_path))) == [ARTICLE]


def test_mirror_without_the_archive_is_named(register, tmp_path):
    register(corpus())
    with pytest.raises(DataError, match=r"the mirror holds no ant-mirror.tar.gz \(nor ant.tar.gz\)"):
        fetch("ant", mirror=tmp_path / "none")


def test_corpus_without_an_address_needs_a_mirror(register, tmp_path):
    register(corpus(homepage="https://example.org"))
    with pytest.raises(DataError, match=r"no address is known, see https://example.org; give a mirror"):
        fetch("ant", cache=tmp_path)


@pytest.mark.parametrize("library", ["httpx", "tenacity", "platformdirs"])
def test_missing_library_is_named_with_the_command(register, tmp_path, monkeypatch, library):
    register(corpus(address="https://example.org/x"))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=rf"needs {library}: pip install 'arabic-news-classifier\[data\]'"):
        fetch("ant", cache=None if library == "platformdirs" else tmp_path)


def test_default_cache_is_the_users(server, monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    assert fetch("ant") == tmp_path / "arabic-news-classifier" / "ant" / "ant.tar.gz"


@pytest.mark.parametrize(
    ("time", "date"),
    [
        (TIME, "2018-02-18T21:35:43+04:00"),
        ("Sun, 18 Feb 2018 17:21:49 GMT", "2018-02-18T17:21:49+00:00"),
        ("2017-01-20T21:43:00+01:00", "2017-01-20T21:43:00+01:00"),
        ("09/12/2016", "2016-12-09"),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_of_ant(time, date):
    assert corpora._ant_article(Path("a/b.txt"), PAGE.format(id="x", time=time)).date == date


def test_ant_page_without_tags_has_what_its_path_says():
    article = corpora._ant_article(Path("ant/politic/JA-9.txt"), "<TITLE>عنوان</TITLE> <TEXT>ناقص")
    assert article == CorpusArticle("JA-9", "عنوان", "", "politic")


def test_only_regular_members_are_read(register, tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo("../../etc/x.txt")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("../a/BB-1.txt")
        page = PAGE.format(id="BB-1", time=TIME).encode()
        info.size = len(page)
        archive.addfile(info, io.BytesIO(page))
    (tmp_path / "ant.tar.gz").write_bytes(out.getvalue())
    register(corpus())
    assert list(load("ant", tmp_path)) == [ARTICLE]


def test_huge_member_is_refused(register, tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "_MAX_MEMBER_BYTES", 1000)
    (tmp_path / "ant.tar.gz").write_bytes(tar_of({"README": "x" * 5000, "a.txt": "x" * 1001}))
    register(corpus())
    with pytest.raises(DataError, match=r"member a.txt has 1,001 bytes, at most 1,000 are read"):
        list(load("ant", tmp_path))


def test_bomb_beside_the_articles_is_not_unpacked(register, tmp_path):
    (tmp_path / "ant.tar.gz").write_bytes(tar_of({"README": "x" * 20_000_000, "a.txt": "x"}))
    register(corpus())
    with pytest.raises(DataError, match=r"unfolds to more than 200 times its size at README"):
        list(load("ant", tmp_path))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_huge_tar_header_is_refused(register, tmp_path, kind):
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, 2**30
    (tmp_path / "ant.tar.gz").write_bytes(gzip.compress(info.tobuf()))
    register(corpus())
    with pytest.raises(DataError, match="a tar header of 1,073,741,824 bytes is not read"):
        list(load("ant", tmp_path))


@pytest.mark.parametrize(
    "content",
    [ANT[: len(ANT) // 2], b"", b"no archive", gzip.compress(b"no archive")],
    ids=["cut", "empty", "text", "gzip"],
)
def test_damaged_archive_is_one_line(register, tmp_path, content):
    (tmp_path / "ant.tar.gz").write_bytes(content)
    register(corpus())
    with pytest.raises(DataError, match=r"the archive can't be read .*: delete it and fetch it again") as raised:
        list(load("ant", tmp_path))
    assert "\n" not in str(raised.value)


def test_sanad_is_read_from_nested_archives(tmp_path):
    inner = zip_of({"Khaleej/Tech/0007.txt": " نص ", "Khaleej/Tech/readme.md": "x", "Arabiya/Tech/1.txt": "x"})
    subset = zip_of({"Khaleej/Train/Tech/0007.txt": "again"})
    content = zip_of({"x/SANAD.zip": inner, "x/SANAD_SUBSET.zip": subset, "khaleej/Sports/1.txt": "ب"})
    (tmp_path / registry()["sanad-khaleej"].file).write_bytes(content)
    assert list(load("sanad-khaleej", tmp_path)) == [
        CorpusArticle("khaleej/Tech/0007", "", "نص", "Tech", "khaleej"),
        CorpusArticle("khaleej/Sports/1", "", "ب", "Sports", "khaleej"),
    ]


def test_nested_bomb_is_refused(tmp_path):
    content = zip_of({"khaleej.zip": b"\0" * 10_000_000})
    (tmp_path / registry()["sanad-khaleej"].file).write_bytes(content)
    with pytest.raises(DataError, match=r"member khaleej.zip unfolds to more than [\d,]+ bytes"):
        list(load("sanad-khaleej", tmp_path))


def test_sib200_takes_the_arabic_varieties(tmp_path):
    table = 'index_id\tcategory\ttext\n548\tsports\t"قال ""نعم"""\n'
    members = ["arb_Arab/dev", "ary_Arab/train", "ace_Arab/dev", "arb_Latn/dev", "fra_Latn/test"]
    content = tar_of({f"sib-200-e7a1/data/annotated/{member}.tsv": table for member in members})
    (tmp_path / registry()["sib-200"].file).write_bytes(content)
    assert list(load("sib-200", tmp_path)) == [
        CorpusArticle("arb_Arab/548", "", 'قال "نعم"', "sports", split="dev", lang="arb_Arab"),
        CorpusArticle("ary_Arab/548", "", 'قال "نعم"', "sports", split="train", lang="ary_Arab"),
    ]


@pytest.mark.parametrize(
    ("name", "row", "article"),
    [
        (
            "sanad-khaleej",
            {"id": "khaleej/Tech/0001", "text": "نص", "label": "Tech"},
            CorpusArticle("khaleej/Tech/0001", "", "نص", "Tech", "khaleej"),
        ),
        (
            "asnd",
            {"label": "sports", "text": "نص", "id": "1", "source": "twitter", "split": "dev", "dup_of_train": False},
            CorpusArticle("1", "", "نص", "sports", "twitter", split="dev"),
        ),
        (
            "sib-200",
            {"id": "431", "label": "geography", "text": "نص", "split": "train", "lang": "arb_Arab"},
            CorpusArticle("arb_Arab/431", "", "نص", "geography", split="train", lang="arb_Arab"),
        ),
    ],
)
def test_tables_of_a_mirror(tmp_path, name, row, article):
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / registry()[name].mirror)
    assert list(load(name, tmp_path)) == [article]


@pytest.fixture
def mirror(register, tmp_path):
    """A folder with two corpora of one article each."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "ant.tar.gz").write_bytes(ANT)
    pq.write_table(
        pa.table({"id": ["khaleej/Tech/1"], "text": ["تقنية"], "label": ["Tech"]}), folder / "khaleej.parquet"
    )
    register(
        corpus(id_pattern="BB-.+"), corpus("sanad", parser="sanad", mirror="khaleej.parquet", id_pattern="khaleej/.+")
    )
    return folder


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.bz2", ".jsonl.xz", ".jsonl.zst", ".parquet"])
def test_converted_corpus_is_read_by_read_articles(mirror, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    assert convert("ant", out, mirror=mirror) == 1
    result = read_articles(out, task_columns={"section": "section"}, group="outlet")
    (article,) = result.articles
    assert (article.id, article.title, article.text) == (ARTICLE.id, ARTICLE.title, ARTICLE.text)
    assert result.labels == {"section": [["culture"]]}
    assert result.groups == ["BBC"]


def test_convert_to_standard_output(mirror, capsys):
    assert convert("ant", "-", mirror=mirror) == 1
    assert CorpusArticle(**json.loads(capsys.readouterr().out)) == ARTICLE


def test_convert_leaves_nothing_half_done(mirror, tmp_path):
    (mirror / "ant.tar.gz").write_bytes(ANT[: len(ANT) // 2])
    for name in ("out.jsonl", "out.parquet"):
        (tmp_path / name).write_bytes(b"old")
        with pytest.raises(DataError, match="the archive can't be read"):
            convert("ant", tmp_path / name, mirror=mirror)
        assert (tmp_path / name).read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mirror", "out.jsonl", "out.parquet"]


@pytest.mark.parametrize(("name", "match"), [("x.csv", "unknown format"), ("no/x.jsonl", "can't be written: No such")])
def test_convert_to_a_place_that_cannot_be_used(mirror, tmp_path, name, match):
    with pytest.raises(DataError, match=match):
        convert("ant", tmp_path / name, mirror=mirror)


def test_annotations_are_joined_by_id(mirror, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "id,topics,countries,split\n"
        "khaleej/Tech/1,science economy,NA,train\n"
        "BB-9,culture,-,train\n"
        "BB-1,culture,-,train\n"
        "BB-1,culture,-,train\n"
        "BB-1,sports,SE,dev\n",
        encoding="utf-8",
    )
    result = join_annotations(path, split="train", mirror=mirror)
    assert [(article.id, article.title, article.text) for article in result.articles] == [
        ("khaleej/Tech/1", "", "تقنية"),
        ("BB-1", ARTICLE.title, ARTICLE.text),
    ]
    assert result.labels == {"topic": [["science", "economy"], ["culture"]], "country": [["NA"], []]}
    assert result.groups == ["khaleej", "BBC"]
    assert result.positions == [2, 4]
    assert [reject.position for reject in result.rejects] == [3, 5]
    assert "'BB-9' is in no corpus" in result.rejects[0].reason
    assert join_annotations(tmp_path, split="dev", mirror=mirror).labels["country"] == [["SE"]]


def test_only_the_corpora_that_are_needed_are_read(mirror, tmp_path):
    (mirror / "khaleej.parquet").unlink()
    (tmp_path / "x.csv").write_text("id,countries\nBB-1,EG\n", encoding="utf-8")
    assert join_annotations(tmp_path, mirror=mirror).labels == {"topic": [None], "country": [["EG"]]}


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"ids,topics\n1,a\n", "no column 'id'; it has ids, topics"),
        (b"id,topics\n", "no annotations of split 'train'"),
        (b"id,topics\n\xff,a\n", "annotations can't be read"),
        (None, "annotations can't be read: .*No such file"),
    ],
)
def test_annotations_that_cannot_be_read(tmp_path, content, match):
    if content is not None:
        (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(DataError, match=match):
        join_annotations(tmp_path / "x.csv", split="train")


def test_shipped_annotations_follow_the_scheme():
    path = Path(__file__).parents[1] / "datasets" / "annotations" / "labels.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["id"] for row in rows}) == 11_400
    assert [sum(row["split"] == split for row in rows) for split in ("train", "dev")] == [10_900, 500]
    assert {topic for row in rows for topic in row["topics"].split()} == set(TOPICS)
    assert {code for row in rows for code in row["countries"].split()} - {"-"} <= set(REGION_OF)
    assert any("NA" in row["countries"].split() for row in rows)
    patterns = "|".join(f"(?:{entry.id_pattern})" for entry in registry().values())
    assert all(re.fullmatch(patterns, row["id"]) for row in rows)


def test_data_commands(mirror, tmp_path):
    runner = CliRunner()
    listed = runner.invoke(data, ["list"])
    assert listed.exit_code == 0
    assert "ant" in listed.stdout
    assert "…" not in listed.stdout
    fetched = runner.invoke(data, ["fetch", "ant", "--mirror", str(mirror)])
    assert fetched.stdout == f"{mirror / 'ant.tar.gz'}\n"
    out = tmp_path / "out.jsonl"
    converted = runner.invoke(data, ["convert", "ant", str(out), "--mirror", str(mirror)])
    assert (converted.exit_code, converted.stdout) == (0, "")
    assert "1 articles of ant written" in converted.stderr
    assert len(read_articles(out, task_columns={})) == 1
    failed = runner.invoke(data, ["fetch", "bnt"])
    assert isinstance(failed.exception, DataError)
