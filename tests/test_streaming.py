"""`predict_file`: outputs, rejects, resuming, and faults."""

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from classifier import streaming
from classifier.article import Article
from classifier.data import Record
from classifier.errors import DataError
from classifier.streaming import StreamOptions, predict_file

FULL = Path("/dev/full")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(streaming, "_BATCH_RECORDS", 4)


@pytest.fixture
def source(write_lines, corpus):
    """Ten good records and four bad ones, bad ones first and last."""
    good = [{"id": a.id, "title": a.title, "text": a.text} for a in corpus.articles[:10]]
    return write_lines(
        "in.jsonl", {"text": None}, *good[:3], '{"text": "', *good[3:8], {"text": ""}, *good[8:], b'{"text": "\xff"}'
    )


@pytest.fixture
def run(char_predictor, source):
    def predict(output, *, resume=False, source=source, **options):
        return predict_file(char_predictor, str(source), str(output), StreamOptions(**options), resume=resume)

    return predict


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("out"))


def test_json_lines(run, tmp_path, char_predictor, corpus):
    result = run(tmp_path / "out.jsonl")
    assert (result.labelled, result.rejected, result.resumed) == (10, 4, 0)
    rows = read(tmp_path / "out.jsonl")
    assert [row["position"] for row in rows] == [2, 3, 4, 6, 7, 8, 9, 10, 12, 13]
    for row, prediction in zip(rows, char_predictor.predict(corpus.articles[:10]), strict=True):
        assert {k: v for k, v in row.items() if k != "position"} == prediction.to_dict()
    assert names(tmp_path) == ["out.jsonl", "out.jsonl.rejects.jsonl"]


def test_rejects_have_position_and_reason(run, tmp_path):
    run(tmp_path / "out.jsonl")
    rejects = {row["position"]: row["reason"] for row in read(tmp_path / "out.jsonl.rejects.jsonl")}
    assert list(rejects) == [1, 5, 11, 14]
    assert rejects[1] == "text is null"
    assert rejects[5].startswith("not valid JSON: ")
    assert rejects[11] == "text is empty"
    assert "the byte 0xFF" in rejects[14]


def test_csv(run, tmp_path, char_predictor, corpus):
    run(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("position", "id"),
        *(f"{task}{end}" for task in ("topic", "country", "region") for end in ("", "_probability", "_all")),
    ]
    for row, prediction in zip(rows, char_predictor.predict(corpus.articles[:10]), strict=True):
        assert row["id"] == prediction.id
        assert row["topic"] == (prediction.topic.code if prediction.topic else "")
        assert row["country_all"].split() == [label.code for label in prediction.countries]
        if prediction.region:
            assert float(row["region_probability"]) == round(prediction.region.probability, 4)


def test_no_rejects_no_file(run, tmp_path, write_lines):
    (tmp_path / "out.jsonl.rejects.jsonl").write_text("of an earlier run")
    run(tmp_path / "out.jsonl", source=write_lines("good.jsonl", {"text": "العراق"}))
    assert names(tmp_path) == ["out.jsonl"]


def test_columns(run, tmp_path, write_lines):
    source = write_lines("in2.jsonl", {"body": "العراق", "head": "خبر", "key": 7})
    run(tmp_path / "out.jsonl", source=source, text="body", title="head", id="key")
    assert read(tmp_path / "out.jsonl")[0]["id"] == "7"


def test_encoding(run, tmp_path, corpus):
    text = "العراق يعلن فوز الفريق في المباراة"
    (tmp_path / "old.csv").write_bytes(f"text\n{text}\n".encode("cp1256"))
    (tmp_path / "new.csv").write_bytes(f"text\n{text}\n".encode())
    run(tmp_path / "out-old.jsonl", source=tmp_path / "old.csv", encoding="cp1256")
    run(tmp_path / "out-new.jsonl", source=tmp_path / "new.csv")
    assert read(tmp_path / "out-old.jsonl") == read(tmp_path / "out-new.jsonl")


def test_threshold_and_top(run, tmp_path, write_lines, corpus):
    source = write_lines("all.jsonl", *({"title": a.title, "text": a.text} for a in corpus.articles))
    run(tmp_path / "out.jsonl", source=source)
    run(tmp_path / "out-sure.jsonl", source=source, threshold=0.9)
    run(tmp_path / "out-top.jsonl", source=source, top=1)
    plain, sure, top = (read(tmp_path / f"out{end}.jsonl") for end in ("", "-sure", "-top"))
    assert any(len(row["country"]) > 1 for row in plain)
    for row, kept, first in zip(plain, sure, top, strict=True):
        for task in ("topic", "country", "region"):
            assert kept[task] == [label for label in row[task] if label["probability"] >= 0.9]
            assert first[task] == row[task][:1]


def test_progress(char_predictor, source, tmp_path):
    done = []
    predict_file(char_predictor, str(source), str(tmp_path / "out.jsonl"), StreamOptions(), on_batch=done.append)
    assert done == [4, 8, 12, 14]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_resumed_run_is_byte_identical(run, tmp_path, suffix):
    """Cut both files after each line, and within it; the rest is labelled as if nothing had happened."""
    out = tmp_path / f"out{suffix}"
    rejects = tmp_path / f"out{suffix}.rejects.jsonl"
    run(out)
    whole, rejected = out.read_bytes(), rejects.read_bytes()
    lines = whole.splitlines(keepends=True)
    for n in range(len(lines) + 1):
        for extra in (0, 1, 15):
            if n == len(lines) and extra:
                continue
            out.unlink()
            rejects.unlink()
            done = b"".join(lines[:n]) + (lines[n][:extra] if n < len(lines) else b"")
            (tmp_path / f"{out.name}.part").write_bytes(done)
            (tmp_path / f"{rejects.name}.part").write_bytes(rejected[: 60 + 7 * n] if n < len(lines) else rejected)
            keep_whole(tmp_path / f"{rejects.name}.part", rejected, out.suffix, done)
            result = run(out, resume=True)
            assert out.read_bytes() == whole
            assert rejects.read_bytes() == rejected
            assert result.labelled + result.resumed == 10
    assert names(tmp_path) == [out.name, rejects.name]


def keep_whole(part, rejected, suffix, done):
    """Rejects are written before the rows that follow them: have at least those, and half of the next one."""
    last = 0
    for line in done.splitlines(keepends=True)[suffix == ".csv" :]:
        if line.endswith(b"\n"):
            last = int(line.split(b",")[0]) if suffix == ".csv" else json.loads(line)["position"]
    lines = rejected.splitlines(keepends=True)
    before = [line for line in lines if json.loads(line)["position"] < last]
    part.write_bytes(b"".join(before) + b"".join(lines[len(before) :])[:9])


def test_interrupted_between_the_last_renames(run, tmp_path):
    out, rejects = tmp_path / "out.jsonl", tmp_path / "out.jsonl.rejects.jsonl"
    run(out)
    whole, rejected = out.read_bytes(), rejects.read_bytes()
    out.rename(tmp_path / "out.jsonl.part")
    run(out, resume=True)
    assert out.read_bytes() == whole
    assert rejects.read_bytes() == rejected
    assert names(tmp_path) == ["out.jsonl", "out.jsonl.rejects.jsonl"]


def test_nothing_to_resume(run, tmp_path):
    run(tmp_path / "out.jsonl", resume=True)
    with pytest.raises(DataError, match=r"out\.jsonl: is complete: nothing to resume"):
        run(tmp_path / "out.jsonl", resume=True)


def test_without_resume_all_is_labelled_anew(run, tmp_path):
    (tmp_path / "out.jsonl.part").write_text('{"position": 5}\n')
    assert run(tmp_path / "out.jsonl").labelled == 10


@pytest.mark.parametrize("content", [b"not mine\n", b"[]\n", b'{"a": 1}\n', b'{"position": null}\n'])
def test_part_of_something_else_is_left_alone(run, tmp_path, content):
    part = tmp_path / "out.jsonl.part"
    part.write_bytes(content)
    with pytest.raises(DataError, match=r"out\.jsonl\.part: not written by an earlier run: remove it"):
        run(tmp_path / "out.jsonl", resume=True)
    assert part.read_bytes() == content


def test_resume_needs_a_file(run):
    with pytest.raises(DataError, match="--resume needs --output FILE"):
        run("-", resume=True)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\uff1d", "\uff0d"], ids=ascii)
def test_formulas_are_defused(run, tmp_path, write_lines, start):
    source = write_lines("in2.jsonl", {"id": f'{start}HYPERLINK("http://x","y")', "text": "العراق"})
    run(tmp_path / "out.csv", source=source)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["id"] == f"""'{start.strip()}HYPERLINK("http://x","y")"""


def test_rows_stay_rows(run, tmp_path, write_lines):
    ids = ['a"b', "a,b", "a\nb", "a\r\nb", "a\tb", "'a"]
    run(tmp_path / "out.csv", source=write_lines("in2.jsonl", *({"id": i, "text": "العراق"} for i in ids)))
    assert len((tmp_path / "out.csv").read_bytes().splitlines()) == 7
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ['a"b', "a,b", "a b", "a  b", "a\tb", "'a"]


def test_labels_that_are_formulas_are_defused():
    file = io.StringIO()
    writer = streaming._Csv(file, ["section"], header=False)
    writer.write([{"position": 1, "id": None, "section": [{"code": "=1+1", "probability": 0.5}]}])
    assert file.getvalue() == "1,,'=1+1,0.5,'=1+1\n"


@pytest.mark.parametrize("output", ["out.txt", "out", "out.jsonl.gz"])
def test_unknown_output(run, tmp_path, output):
    with pytest.raises(DataError, match=r"the output must end in \.jsonl or \.csv"):
        run(tmp_path / output)


def test_output_in_a_folder_that_is_not_there(run, tmp_path):
    with pytest.raises(DataError, match=r"none/out\.jsonl: can't write there: No such file or directory"):
        run(tmp_path / "none" / "out.jsonl")


def test_output_that_is_a_folder(run, tmp_path):
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(DataError, match=r"out\.jsonl: is a folder: name a file"):
        run(tmp_path / "out.jsonl")


def test_wrong_input_leaves_what_an_interrupted_run_had_written(run, tmp_path):
    part = tmp_path / "out.jsonl.part"
    part.write_text('{"position": 1}\n')
    with pytest.raises(DataError, match=r"typo\.jsonl: No such file"):
        run(tmp_path / "out.jsonl", source=tmp_path / "typo.jsonl")
    assert part.read_text() == '{"position": 1}\n'


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["out.jsonl.part", "out.jsonl.rejects.jsonl.part"])
def test_full_disk(run, tmp_path, name):
    (tmp_path / name).symlink_to(FULL)
    with pytest.raises(DataError, match=r"out\.jsonl: could not write: No space left on device: free some space"):
        run(tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_disk_that_is_full_for_a_while(run, tmp_path, monkeypatch):
    run(tmp_path / "out.jsonl")
    whole = (tmp_path / "out.jsonl").read_bytes()
    fsync, calls = os.fsync, []

    def fail_later(number):
        calls.append(number)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        fsync(number)

    (tmp_path / "out.jsonl").unlink()
    monkeypatch.setattr(os, "fsync", fail_later)
    with pytest.raises(DataError, match="run again with --resume"):
        run(tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
    result = run(tmp_path / "out.jsonl", resume=True)
    assert result.resumed > 0
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_failing_last_rename(run, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(streaming, "_name_finally", fail)
    with pytest.raises(DataError, match=r"out\.jsonl: could not write: Input/output error"):
        run(tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_stdin_to_stdout(run, source, tmp_path, monkeypatch, capsys):
    run(tmp_path / "out.jsonl")
    with source.open("rb") as file, io.TextIOWrapper(file) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        result = run("-", source="-")
    captured = capsys.readouterr()
    assert captured.out == (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert captured.err == (tmp_path / "out.jsonl.rejects.jsonl").read_text(encoding="utf-8")
    assert (result.labelled, result.rejected) == (10, 4)


def test_batches_are_bounded_by_characters(monkeypatch):
    monkeypatch.setattr(streaming, "_BATCH_CHARACTERS", 100)
    records = [
        Record(i, None if n is None else Article("x" * n), error="bad" if n is None else None)
        for i, n in enumerate([60, 60, None, 200, 1, 1, 1, 1, 1], start=1)
    ]
    assert [[r.position for r in batch] for batch in streaming.batched(records)] == [[1, 2], [3, 4], [5, 6, 7, 8], [9]]


def test_output_does_not_hang_on_the_size_of_batches(run, tmp_path, monkeypatch):
    run(tmp_path / "out.jsonl")
    shutil.move(tmp_path / "out.jsonl", tmp_path / "small.jsonl")
    monkeypatch.setattr(streaming, "_BATCH_RECORDS", 512)
    run(tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "small.jsonl").read_bytes()
