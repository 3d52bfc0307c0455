import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import math
import os
import re
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import data
from classifier.data import LabelledArticles, Record, iter_records, read_articles
from classifier.errors import DataError

ROWS = [
    {"id": "a", "title": "خبر", "text": "نص أول", "topics": ["security", "politics"], "countries": ["NA"]},
    {"id": "b", "title": "", "text": 'سطر\nثان "مقتبس"', "topics": [], "countries": None},
    {"id": "c", "title": "عنوان", "text": "نص ثالث", "topics": None, "countries": ["SY", "IQ"]},
]


def as_json_lines(rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_table(rows, delimiter=",") -> bytes:
    def cell(value):
        return "" if value is None else (" ".join(value) or "-") if isinstance(value, list) else value

    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(rows[0])
    writer.writerows([cell(value) for value in row.values()] for row in rows)
    return out.getvalue().encode()


def name_case(value) -> str | None:
    """Name bytes by their checksum: as they are they would make names of 100,000 characters."""
    return f"{zlib.crc32(value):08x}" if isinstance(value, bytes) else None


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def check_rows(result: LabelledArticles) -> None:
    assert [(a.id, a.title, a.text) for a in result.articles] == [(r["id"], r["title"], r["text"]) for r in ROWS]
    assert result.labels == {"topic": [r["topics"] for r in ROWS], "country": [r["countries"] for r in ROWS]}
    assert result.rejects == []
    assert result.groups is None
    assert len(result) == len(ROWS) == len(result.positions)


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".jsonl", as_json_lines(ROWS)),
        (".csv", as_table(ROWS)),
        (".tsv", as_table(ROWS, "\t")),
        (".CSV", b"\xef\xbb\xbf" + as_table(ROWS)),
    ],
    ids=name_case,
)
@pytest.mark.parametrize(
    ("compression", "compress"),
    [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd)],
)
def test_text_formats_give_the_same_articles(tmp_path, suffix, content, compression, compress):
    check_rows(read_articles(write(tmp_path / f"news{suffix}{compression}", compress(content))))


def test_parquet_gives_the_same_articles(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "news.parquet", row_group_size=2)
    result = read_articles(tmp_path / "news.parquet")
    check_rows(result)
    assert result.positions == [1, 2, 3]


def test_standard_input_is_json_lines_and_stays_open(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(as_json_lines(ROWS)))
    monkeypatch.setattr(sys, "stdin", stdin)
    check_rows(read_articles("-"))
    assert not stdin.buffer.closed


def test_empty_standard_input_has_no_records(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert list(iter_records("-")) == []


def test_folder_of_labels(tmp_path):
    for name, content in {"sport/2.txt": "ب", "sport/1.txt": "أ", "crime war/1.txt": "ج", "sport/3.txt": " "}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    write(tmp_path / "sport" / "4.txt", b"\xff")
    result = read_articles(tmp_path)
    assert [(a.id, a.text) for a in result.articles] == [("crime war/1", "ج"), ("sport/1", "أ"), ("sport/2", "ب")]
    assert result.labels == {"topic": [["crime war"], ["sport"], ["sport"]], "country": [None, None, None]}
    assert result.positions == [1, 2, 3]
    assert [reject.position for reject in result.rejects] == [4, 5]
    assert result.rejects[0].reason == "sport/3.txt: text is empty"
    assert "sport/4.txt: text has the byte 0xFF" in result.rejects[1].reason


def test_pipe_in_a_folder_is_not_waited_for(tmp_path):
    (tmp_path / "sport").mkdir()
    (tmp_path / "sport" / "a.txt").write_text("فاز الفريق")
    os.mkfifo(tmp_path / "sport" / "b.txt")
    result = read_articles(tmp_path)
    assert len(result) == 1
    assert [(r.position, r.reason) for r in result.rejects] == [(2, "sport/b.txt: not a file")]


def test_folder_labels_are_of_the_first_task_without_a_topic(tmp_path):
    (tmp_path / "وطني").mkdir()
    (tmp_path / "وطني" / "1.txt").write_text("نص", encoding="utf-8")
    assert read_articles(tmp_path, task_columns={"section": "s"}).labels == {"section": [["وطني"]]}
    assert read_articles(tmp_path, task_columns={}).labels == {}


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("NA", ["NA"]),
        ("NA null nan", ["NA", "null", "nan"]),
        ("", None),
        ("  ", None),
        ("-", []),
        (" - ", []),
        ("SY  IQ\tSY", ["SY", "IQ"]),
    ],
)
def test_labels_of_a_csv_cell(tmp_path, cell, labels):
    path = write(tmp_path / "x.csv", as_table([{"text": "نص", "topics": cell, "countries": cell}]))
    assert read_articles(path).labels == {"topic": [labels], "country": [labels]}


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (None, None),
        (math.nan, None),
        ("", None),
        ("-", []),
        ([], []),
        ("NA", ["NA"]),
        ("SY IQ", ["SY", "IQ"]),
        (["شؤون محلية", "NA"], ["شؤون محلية", "NA"]),
        (3, ["3"]),
        (3.0, ["3"]),
        ([1, 2, 1], ["1", "2"]),
    ],
)
def test_labels_of_a_json_value(tmp_path, value, labels):
    path = write(tmp_path / "x.jsonl", as_json_lines([{"text": "نص", "topics": value}]))
    assert read_articles(path).labels == {"topic": [labels], "country": [None]}


@pytest.mark.parametrize("value", [True, {"a": 1}, [None], [""], 1.5, math.inf, ["a\0b"], [["x"]]])
def test_labels_that_make_a_record_bad(tmp_path, value):
    path = write(tmp_path / "x.jsonl", as_json_lines([{"text": "نص", "topics": value}, {"text": "نص", "topics": "x"}]))
    result = read_articles(path)
    assert result.positions == [2]
    assert result.rejects[0].position == 1
    assert result.rejects[0].reason.startswith("topics ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a', "not valid JSON"),
        (b'{"text": "a"} x', "not valid JSON: Extra data at character 15"),
        (b"[1]", "must be a JSON object, got list"),
        (b"[" * 100_000, "not usable JSON"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not usable JSON"),
        (b'{"text": null}', "text is null"),
        (b'{"text": NaN}', "text is null"),
        (b'{"title": "a"}', "text is missing"),
        (b'{"text": 5}', "text must be str, got int"),
        (b'{"text": ["a"]}', "text must be str, got list"),
        (b'{"text": " \\n"}', "text is empty"),
        (b'{"text": "ab\xff"}', "text has the byte 0xFF, which is not text in this encoding at character 3"),
        (b'{"text": "a\\u0000"}', "text has a NUL at character 2"),
        (b'{"text": "a\0"}', "not valid JSON: Invalid control character"),
        (b'{"text": "\\ud83d"}', "text has half a character"),
        (b'{"text": "a", "title": 7}', "title must be str, got int"),
        (b'{"text": "a", "title": "\xe6"}', "title has the byte 0xE6"),
        (b'{"text": "a", "id": {}}', "id must be str, got dict"),
        (b'{"text": "a", "id": 1.5}', "id must be str or a whole number, got 1.5"),
        (b'{"text": "' + b"x" * 2000 + b'"}', "longer than 1,000 characters"),
        (b'{"text": "a", "id": "first"}', "id 'first' repeats that of 1"),
    ],
    ids=name_case,
)
def test_bad_json_line_is_reported_and_the_others_are_read(tmp_path, monkeypatch, line, reason):
    monkeypatch.setattr(data, "MAX_RECORD_CHARS", 1000 if len(line) < 5000 else 10**6)
    good = [as_json_lines([{"text": text, "id": text, "topics": "x"}]) for text in ("first", "last")]
    result = read_articles(write(tmp_path / "x.jsonl", good[0] + b"\n" + line + b"\n" + good[1]))
    assert [article.text for article in result.articles] == ["first", "last"]
    assert result.positions == [1, 4]
    assert [reject.position for reject in result.rejects] == [3]
    assert reason in result.rejects[0].reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"2,b", "has 2 cells, the header has 3"),
        (b"2,b,x,y", "has 4 cells, the header has 3"),
        (b'2,"b,x', "malformed quotes"),
        (b'2,"b "c" d",x', "malformed quotes"),
        (b"2,b\xd8,x", "text has the byte 0xD8"),
        (b"2,b\0,x", "text has a NUL at character 2"),
        (b"2,,x", "text is empty"),
        (b"2," + b"b" * 2000 + b",x", "longer than 1,000 characters"),
        (b'2,"' + b"b\n" * 600 + b'",x', "malformed quotes or too long"),
        (b"1,b,x", "id '1' repeats that of 2"),
    ],
    ids=name_case,
)
def test_bad_csv_row_is_reported_and_the_others_are_read(tmp_path, monkeypatch, lines, reason):
    monkeypatch.setattr(data, "MAX_RECORD_CHARS", 1000)
    content = b'id,text,topics\r\n1,"first\nline",x\r\n\r\n' + lines + b'\r\n3,"la ""st""",x\r\n4,end,x'
    result = read_articles(write(tmp_path / "x.csv", content))
    assert [article.text for article in result.articles] == ["first\nline", 'la "st"', "end"]
    assert result.positions[0] == 2
    assert result.rejects[0].position == 5
    assert reason in result.rejects[0].reason
    assert all("has 1 cells" in reject.reason or '"' in reject.reason for reject in result.rejects[1:])


def test_unclosed_quote_loses_only_its_line(tmp_path):
    rows = "".join(f"{i},text {i}\n" for i in range(50))
    result = read_articles(write(tmp_path / "x.csv", f'id,text\n7,"oops\n{rows}'.encode()), task_columns={})
    assert [article.id for article in result.articles] == [str(i) for i in range(50)]
    assert [reject.position for reject in result.rejects] == [2]


def test_field_above_the_limit_of_the_csv_module_is_read(tmp_path):
    long = "ن" * 200_000
    assert (
        read_articles(write(tmp_path / "x.csv", f"text\n{long}\n".encode()), task_columns={}).articles[0].text == long
    )


def test_bomb_is_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MAX_RECORD_CHARS", 10_000)
    monkeypatch.setattr(data, "MAX_UNFOLDING", 10_000)
    path = write(tmp_path / "x.jsonl.gz", gzip.compress(b"x" * 30_000_000 + b'\n{"text": "good"}\n'))
    tracemalloc.start()
    try:
        records = list(iter_records(path, task_columns={}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [record.position for record in records] == [1, 2]
    assert records[0].error == "longer than 10,000 characters"
    assert peak < 3_000_000


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd)]
)
def test_bomb_is_not_read_to_its_end(tmp_path, monkeypatch, suffix, compress):
    """A megabyte of bzip2 may become a terabyte."""
    monkeypatch.setattr(data, "MAX_RECORD_CHARS", 10_000)
    content = b'{"text": "good"}\n' + b"x" * 10_000_000 + b'\n{"text": "not reached"}\n'
    records = list(iter_records(write(tmp_path / f"x.jsonl{suffix}", compress(content)), task_columns={}))
    assert [record.error is None for record in records] == [True, False]
    assert re.search(r"can't be read from here on: it unfolds to more than [\d,]+ bytes, 200 times", records[1].error)


def test_records_come_before_the_input_ends(monkeypatch):
    class Endless(io.RawIOBase):
        numbers = itertools.count()

        def readable(self):
            return True

        def readinto(self, buffer):
            number = next(self.numbers)
            assert number < 50, "reads on although nobody asks for more"
            line = b'{"text": "%d"}\n' % number
            buffer[: len(line)] = line
            return len(line)

    class Stdin:
        buffer = io.BufferedReader(Endless())

    monkeypatch.setattr(sys, "stdin", Stdin)
    texts = [record.article.text for record in itertools.islice(iter_records("-", task_columns={}), 3)]
    assert texts == ["0", "1", "2"]


def test_bad_values_of_a_parquet_file(tmp_path):
    texts = pa.array([b"good", None, b"bad \xff", b" ", b"last"], pa.binary())
    unchecked = pa.StringArray.from_buffers(5, texts.buffers()[1], texts.buffers()[2], texts.buffers()[0])
    labels = pa.array([["x"], ["x"], ["x"], ["x"], None], pa.list_(pa.string()))
    pq.write_table(pa.table({"text": unchecked, "topics": labels, "id": [1, 2, 3, 4, 5]}), tmp_path / "x.parquet")
    result = read_articles(tmp_path / "x.parquet")
    assert [(article.text, article.id) for article in result.articles] == [("good", "1"), ("last", "5")]
    assert result.labels["topic"] == [["x"], None]
    assert [reject.position for reject in result.rejects] == [2, 3, 4]
    assert "byte 0xFF" in result.rejects[1].reason


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_text_that_all_rows_of_a_parquet_file_share_is_not_unfolded(tmp_path):
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 50, pa.int32()), pa.array(["x" * 8_000_000]))
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": column}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    code = (
        "import re, sys; from classifier.data import iter_records; import pyarrow.parquet;"
        "room = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) >> 10; before = room();"
        "print(sum(r.error is None for r in iter_records(sys.argv[1], task_columns={})), room() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    n_read, mebibytes = map(int, done.stdout.split())
    assert n_read == 50
    assert mebibytes < 300


def test_parquet_bomb_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["x" * 5_000_000] * 4}), path, compression="zstd", use_dictionary=False)
    (record,) = iter_records(path, task_columns={})
    assert record.error == "rows 1 to 4 can't be read: column 'text' unfolds to more than 200 times its size"


def test_texts_of_another_type_in_parquet_are_rejected(tmp_path):
    pq.write_table(pa.table({"text": [1.0, math.nan], "topics": ["x", "x"]}), tmp_path / "x.parquet")
    reasons = [reject.reason for reject in read_articles(tmp_path / "x.parquet").rejects]
    assert reasons == ["text must be str, got float", "text is null"]


def test_damaged_row_group_is_reported_and_the_next_one_is_read(tmp_path):
    path = tmp_path / "x.parquet"
    table = pa.table({"text": [f"text {i}" for i in range(6)]})
    pq.write_table(table, path, row_group_size=2, use_dictionary=False, compression="gzip")
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    result = read_articles(write(path, bytes(content)), task_columns={})
    assert result.positions == [1, 2, 5, 6]
    assert [reject.position for reject in result.rejects] == [3]
    assert "rows 3 to 4 can't be read" in result.rejects[0].reason


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".zst", zstd), (".xz", lzma.compress)])
def test_cut_archive_gives_what_is_whole(tmp_path, suffix, compress):
    import random

    noise = random.Random(1)
    rows = [{"text": f"{i} {noise.random()}"} for i in range(50_000)]
    content = compress(as_json_lines(rows))
    result = read_articles(write(tmp_path / f"x.jsonl{suffix}", content[: len(content) * 2 // 3]), task_columns={})
    assert 1000 < len(result) < 50_000
    assert [article.text for article in result.articles] == [row["text"] for row in rows[: len(result)]]
    assert [reject.position for reject in result.rejects] == [len(result) + 1]
    assert "can't be read from here on" in result.rejects[0].reason


def test_groups_ids_and_other_column_names(tmp_path):
    rows = [
        {"body": "a", "head": "t", "key": 1, "site": "x", "s": "p q"},
        {"body": "b", "head": None, "key": 2.0, "site": None, "s": None},
        {"body": "c", "key": None, "site": 7},
    ]
    names = {"text": "body", "title": "head", "id": "key", "group": "site", "task_columns": {"section": "s"}}
    result = read_articles(write(tmp_path / "x.jsonl", as_json_lines(rows)), **names)
    assert [(a.text, a.title, a.id) for a in result.articles] == [("a", "t", "1"), ("b", "", "2"), ("c", "", None)]
    assert result.groups == ["x", "(record 2)", "7"]
    assert result.labels == {"section": [["p", "q"], None, None]}


def test_iter_records_needs_no_labels_and_lets_ids_repeat(tmp_path):
    path = write(tmp_path / "x.csv", b"id,text\n1,a\n1,b\n")
    first, second = iter_records(path)
    assert first == Record(2, first.article, {"topic": None, "country": None})
    assert second.article.text == "b"


@pytest.mark.parametrize("encoding", ["cp1256", "utf-16", "iso8859-6"])
@pytest.mark.parametrize("kind", ["x.csv", "x.jsonl", "label/x.txt"])
def test_other_encodings(tmp_path, encoding, kind):
    text = {"x.csv": "text\nنص\n", "x.jsonl": '{"text": "نص"}\n', "label/x.txt": "نص"}[kind]
    path = tmp_path / kind
    path.parent.mkdir(exist_ok=True)
    write(path, text.encode(encoding))
    result = read_articles(tmp_path if kind == "label/x.txt" else path, task_columns={}, encoding=encoding)
    assert [article.text for article in result.articles] == ["نص"]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("none.csv", None, "none.csv: No such file"),
        ("x.json", b"[]", r"unknown format; .*\.jsonl, .*got \.json$"),
        ("x", b"x", "unknown format; .*got no suffix"),
        ("x.parquet.gz", b"x", "unknown format; .*all but .parquet"),
        ("x.csv", b"", r"x.csv: the file is empty \(0 bytes\)"),
        ("x.csv.gz", gzip.compress(b"", mtime=0), "the header can't be read: line 0: the file is empty"),
        ("x.parquet", b"PAR1 no", "not a readable parquet file: "),
        ("x.jsonl.gz", b"no gzip", "x.jsonl.gz: can't be read: Not a gzipped file"),
        ("x.jsonl.zst", b"no zstd", "x.jsonl.zst: can't be read: ZSTD"),
        ("x.jsonl.xz", b"no xz", "x.jsonl.xz: can't be read: Input format not supported"),
        ("x.csv", b'"id,text\n1,a\n', "the header can't be read: line 1: malformed"),
        ("x.csv", b"id,txt,topics\n1,a,b\n", r"no column 'text'; it has 'id', 'txt', 'topics' \(did you mean 'txt'"),
        ("x.csv", b"id;text\n1;a\n", "no column 'text'; it has 'id;text'"),
        ("x.jsonl", b'{"body": "a"}\n', "no column 'text'; it has 'body': name the column to read"),
        ("x.csv", b"text,topic\na,b\n", r"no column 'topics' or 'countries'; .*did you mean 'topic'"),
        ("x.jsonl", b'{"text": "a", "topic": 1}\n', r"no column 'topics' or 'countries'; .*did you mean 'topic'"),
        ("x.csv", b"text,topics,text\na,b,c\n", "column 'text' occurs 2 times"),
        ("x.csv", "text\nنص\n".encode("utf-16"), "byte order mark of UTF-16: read it with encoding 'utf-16'"),
    ],
    ids=name_case,
)
def test_input_that_cannot_be_used_is_one_line(tmp_path, name, content, match):
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(DataError, match=match) as raised:
        read_articles(tmp_path / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"group": "outlet"}, "no column 'outlet'; it has 'text', 'outlets'.*did you mean 'outlets'"),
        ({"title": "head"}, "no column 'head'"),
        ({"encoding": "utf-9"}, "encoding 'utf-9' is unknown"),
    ],
)
def test_arguments_that_do_not_fit_the_file(tmp_path, arguments, match):
    path = write(tmp_path / "x.csv", b"text,outlets\na,b\n")
    with pytest.raises(DataError, match=match):
        read_articles(path, task_columns={}, **arguments)


@pytest.mark.parametrize(
    "content", [b"body\n" + b"a\n" * 9000, b"text\na\n", b"text,text\na,b\n", b"\xff\xfet\0"], ids=name_case
)
def test_refused_file_is_closed(tmp_path, monkeypatch, content):
    files = []
    monkeypatch.setattr(data, "_open_binary", lambda path: files.append(path.open("rb")) or files[-1])
    # While the error is held, so are the frames of its traceback and all that they refer to.
    with pytest.raises(DataError, match=r"x\.csv: ") as raised:
        read_articles(write(tmp_path / "x.csv", content))
    assert [file.closed for file in files] == [True]
    del raised


def test_folder_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match=r"holds no LABEL/\*.txt"):
        read_articles(tmp_path)
    with pytest.raises(DataError, match="encoding 'x' is unknown"):
        read_articles(tmp_path, encoding="x")


def test_only_bad_lines_are_all_reported(tmp_path):
    result = read_articles(write(tmp_path / "x.jsonl", b"{\n}\n"))
    assert len(result) == 0
    assert [reject.position for reject in result.rejects] == [1, 2]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(TEXTS, st.booleans()), min_size=1))
def test_every_good_json_line_is_read(tmp_path_factory, lines):
    garbage = b'{"text": "\xff\n'
    path = tmp_path_factory.mktemp("lines") / "x.jsonl"
    write(path, b"".join(as_json_lines([{"text": text}]) if good else garbage for text, good in lines))
    records = list(iter_records(path))
    assert [record.position for record in records] == list(range(1, len(lines) + 1))
    expected = [text if good else None for text, good in lines]
    assert [record.article.text if record.article else None for record in records] == expected


@given(st.lists(st.tuples(TEXTS, st.integers(0, 2)), min_size=1))
def test_every_good_csv_row_is_read(tmp_path_factory, rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["id", "text", "note"])
    for number, (text, damage) in enumerate(rows):
        writer.writerow([number, text, ""][: 3 - damage])
    path = write(tmp_path_factory.mktemp("rows") / "x.csv", out.getvalue().encode())
    records = list(iter_records(path))
    good = [(str(number), text) for number, (text, damage) in enumerate(rows) if not damage]
    assert [(record.article.id, record.article.text) for record in records if record.article] == good
    assert sum(record.error is not None for record in records) == len(rows) - len(good)


def test_import_is_cheap():
    code = "import sys, classifier.data, classifier.corpora; print(*sys.modules, sep='\\n')"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pandas", "pyarrow", "httpx", "tenacity", "platformdirs"} & set(modules)
