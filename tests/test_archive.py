"""`predict --engine dask`: the labels of the plain run, whatever dies on the way."""

import csv
import errno
import json
import os
import sys
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from classifier import archive, manifest
from classifier.archive import find_files, predict_archive
from classifier.cli import main
from classifier.errors import DataError, ModelFormatError
from classifier.streaming import StreamOptions, predict_file

dask = pytest.importorskip("dask", reason="needs the extra dask")
distributed = pytest.importorskip("distributed", reason="needs the extra dask")
psutil = pytest.importorskip("psutil", reason="comes with the extra dask")

TASKS = ("topic", "country", "region")
OPTIONS = StreamOptions()


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler with two workers in this process."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs="CRITICAL"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def source(tmp_path, corpus):
    """Three formats, two folders with files of the same name, bad records among the good."""
    import pandas as pd

    rows = [{"id": a.id, "title": a.title, "text": a.text} for a in corpus.articles[:40]]
    folder = tmp_path / "in"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
    pd.DataFrame(rows[:10]).to_parquet(folder / "one" / "a.parquet")
    pd.DataFrame(rows[10:20]).to_parquet(folder / "two" / "a.parquet")
    lines = [json.dumps(row, ensure_ascii=False) for row in [{"text": None}, *rows[20:30]]]
    (folder / "one" / "b.jsonl").write_text("\n".join([*lines, '{"text": "']) + "\n", encoding="utf-8")
    with (folder / "two" / "c.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "title", "text"])
        writer.writeheader()
        writer.writerows([*rows[30:35], {"id": "x", "title": "", "text": " "}, *rows[35:]])
    return folder


@pytest.fixture
def run(source, news_folder, scheduler, tmp_path):
    def predict(*, output=tmp_path / "out", pattern=str(source / "**" / "*.*"), **more):
        arguments = {"model": news_folder, "scheduler": scheduler, **more}
        return predict_archive([pattern], output, OPTIONS, **arguments)

    return predict


def entries(folder):
    lines = (folder / manifest.MANIFEST).read_text(encoding="ascii").splitlines()
    return {row["source"]: row for row in map(json.loads, lines[1:])}


def plain(file, predictor, tmp_path):
    """Position -> row, or reason, of a run without Dask."""
    output = tmp_path / "plain.jsonl"
    rejects = tmp_path / "plain.jsonl.rejects.jsonl"
    predict_file(predictor, file, str(output), OPTIONS)
    files = [path for path in (output, rejects) if path.exists()]
    rows = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return {row["position"]: row for row in rows}


def assert_same(folder, predictor, tmp_path):
    for file, entry in entries(folder).items():
        expected = plain(file, predictor, tmp_path)
        rows = pq.read_table(folder / entry["output"]).to_pylist()
        assert [row["position"] for row in rows] == sorted(expected)
        for row in rows:
            assert as_json(row) == expected[row["position"]]


def as_json(row):
    if row["error"] is not None:
        return {"position": row["position"], "reason": row["error"]}
    labels = {
        task: [
            {"code": code, "probability": p}
            for code, p in zip(row[f"{task}_all"], row[f"{task}_all_probability"], strict=True)
        ]
        for task in TASKS
    }
    return {"position": row["position"], "id": row["id"], **labels}


def test_is_the_plain_run(run, source, news_predictor, tmp_path):
    seen = []
    result = run(on_start=seen.append, on_file=lambda *n: seen.append(n))
    assert (result.labelled, result.rejected, result.resumed, result.failures) == (40, 3, 0, {})
    assert seen[1:] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    folder = tmp_path / "out"
    assert entries(folder).keys() == set(find_files([str(source / "*" / "*")]))
    assert {p.name for p in folder.iterdir()} == {manifest.MANIFEST} | {e["output"] for e in entries(folder).values()}
    assert_same(folder, news_predictor, tmp_path)


def test_resume_labels_only_what_is_missing(run, source, news_predictor, tmp_path):
    run(pattern=str(source / "one" / "*"))
    folder = tmp_path / "out"
    before = entries(folder)
    written = {name: (folder / e["output"]).stat().st_mtime_ns for name, e in before.items()}
    result = run(resume=True)
    assert (result.labelled, result.resumed) == (20, 2)
    assert {name: (folder / e["output"]).stat().st_mtime_ns for name, e in before.items()} == written
    assert_same(folder, news_predictor, tmp_path)
    assert run(resume=True).resumed == 4


def test_resume_labels_again_what_was_replaced_or_lost(run, source, news_predictor, tmp_path):
    run()
    folder = tmp_path / "out"
    before = entries(folder)
    os.utime(source / "one" / "b.jsonl", ns=(0, 0))
    (folder / before[str(source / "two" / "c.csv")]["output"]).unlink()
    (folder / before[str(source / "one" / "a.parquet")]["output"]).write_bytes(b"half")
    result = run(resume=True)
    assert (result.labelled, result.rejected, result.resumed) == (30, 3, 1)
    assert_same(folder, news_predictor, tmp_path)


def test_resume_after_a_kill_between_any_two_bytes_of_the_manifest(run, news_predictor, tmp_path):
    run()
    folder = tmp_path / "out"
    path = folder / manifest.MANIFEST
    whole = path.read_bytes()
    for size in (0, 5, whole.find(b"\n"), whole.find(b"\n") + 1, len(whole) - 7, len(whole)):
        path.write_bytes(whole[:size])
        result = run(resume=True)
        assert result.labelled + 10 * result.resumed == 40
        assert len(entries(folder)) == 4
    assert_same(folder, news_predictor, tmp_path)


def test_run_of_other_settings_is_not_resumed(run, char_folder, tmp_path):
    run()
    with pytest.raises(DataError, match="begun with model"):
        run(resume=True, model=char_folder)
    with pytest.raises(DataError, match=f"{tmp_path / 'out'}: is not empty: --resume goes on"):
        run()


def test_folder_of_other_things_is_left_alone(run, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.txt").write_text("all of it")
    for resume in (False, True):
        with pytest.raises(DataError, match="is not empty: choose another folder"):
            run(resume=resume)
    (folder / manifest.MANIFEST).write_text("{}\n[1]\n")
    with pytest.raises(DataError, match="not a manifest"):
        run(resume=True)


def test_bad_file_does_not_stop_the_others(run, source, tmp_path):
    (source / "one" / "a.parquet").write_bytes(b"PAR1")
    (source / "two" / "d.doc").write_text("letter")
    result = run()
    assert (result.labelled, len(result.failures)) == (30, 2)
    assert "not a readable parquet file" in result.failures[str(source / "one" / "a.parquet")]
    assert "unknown format" in result.failures[str(source / "two" / "d.doc")]
    assert not list((tmp_path / "out").glob(".*"))


def test_worker_with_another_model(source, news_folder, tmp_path):
    job = archive._Job(str(tmp_path), str(news_folder), "0" * 64, OPTIONS)
    with pytest.raises(ModelFormatError, match="differs from machine to machine"):
        archive.label_file(str(source / "one" / "a.parquet"), job)


def test_files_are_found_once_and_in_order(source):
    twice = [str(source / "*" / "a.parquet"), str(source / "one" / ".." / "two" / "a.parquet"), str(source / "one/*")]
    names = ["one/a.parquet", "two/a.parquet", "one/b.jsonl"]
    assert find_files(twice) == [str(source / name) for name in names]
    with pytest.raises(DataError, match="none/\\*: no such file"):
        find_files([str(source / "none" / "*")])


def test_nobody_answers(run):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(DataError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there"),
    ):
        run(scheduler="tcp://127.0.0.1:9")


def test_workers_that_do_not_start(run, monkeypatch):
    def fail(**_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", fail)
    with pytest.raises(DataError, match="no workers could be started: Nanny failed to start"):
        run(scheduler=None)


def test_workers_that_dask_gave_up_are_replaced(monkeypatch):
    """Only those, and not while they may still be starting."""
    monkeypatch.setattr(archive, "_LOOK_SECONDS", 0)
    n_live = iter([2, 1, 1, 2, *[1] * archive._LOOKS_BEFORE_LOST, 2])
    asked, over = [], threading.Event()

    class Cluster:
        scale = asked.append

        @property
        def scheduler_info(self):
            n = next(n_live, None)
            if n is None:
                over.set()
            return {"workers": {i: {} for i in range(n or 2)}}

    archive._replace_lost(Cluster(), 2, over)
    assert asked == [1, 2]


def test_killed_workers_lose_nothing(source, news_folder, news_predictor, tmp_path, monkeypatch):
    """Killed at work, and those in their place before they could begin: Dask gives these up."""
    monkeypatch.setattr(archive, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(archive, "_LOOKS_BEFORE_LOST", 25)
    for i in range(6):
        (source / "one" / f"{i}.jsonl").write_bytes((source / "one" / "b.jsonl").read_bytes())
    killed = []

    def kill():
        until = time.monotonic() + 2
        while time.monotonic() < until:
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if "spawn_main" in " ".join(process.cmdline()):
                        process.kill()
                        process.wait()
                        killed.append(process.pid)
            time.sleep(0.05)

    def kill_after_first(n_done, _):
        if n_done == 1:
            threading.Thread(target=kill).start()

    arguments = {"model": news_folder, "n_workers": 2, "on_file": kill_after_first}
    result = predict_archive([str(source / "**" / "*.*")], tmp_path / "out", OPTIONS, **arguments)
    assert len(killed) > 2
    assert (result.labelled, result.rejected, result.failures) == (100, 15, {})
    assert len(entries(tmp_path / "out")) == 10
    assert_same(tmp_path / "out", news_predictor, tmp_path)


def test_command_line(source, news_folder, scheduler, tmp_path, capsys):
    arguments = ["predict", str(source / "*" / "*"), "--engine", "dask", "--model", str(news_folder)]
    arguments += ["--scheduler", scheduler]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "labelled 40 articles, 3 bad records\n" in err
    assert "dashboard: " in err
    (source / "two" / "c.csv").write_text("a,b\n1,2\n")
    assert main([*arguments, "--output", str(tmp_path / "out"), "--resume"]) == 1
    err = capsys.readouterr().err
    assert "c.csv: no column 'text'" in err
    assert err.splitlines()[-1] == "error: 1 files were not labelled: mend them and run again with --resume"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "--engine", "dask"], "needs --output DIR"),
        (["a", "b"], "need --engine dask"),
        (["a", "--workers", "2"], "need --engine dask"),
        (["a", "--engine", "dask", "--output", "o", "--jobs", "2"], "--workers in place of --jobs"),
        (["a", "--engine", "dask", "--output", "o", "--scheduler", "x", "--workers", "2"], "--workers is for"),
    ],
)
def test_usage(arguments, message, capsys):
    assert main(["predict", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_dask(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DataError, match=r"pip install 'arabic-news-classifier\[dask\]'"):
        run()


def test_manifest_that_can_not_be_written(run, monkeypatch, tmp_path):
    def no_room(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(manifest, "os", SimpleNamespace(fsync=no_room, truncate=os.truncate))
    with pytest.raises(DataError, match=r"manifest\.jsonl: could not write: No space left"):
        run()
