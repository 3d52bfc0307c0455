"""Beyond one machine and beyond memory, on ANT re-sampled: `python benchmarks/scale.py all --mirror DIR`.

`kill`: an archive through Dask, workers killed all the while, against the plain run, row by row. `speed`: articles a
second of one and of two workers, taking turns. `train`: training out of core against training in memory on the sections
of ANT; then on 13 times the training part, ten times ANT, with peak memory. Figures gather in `--output`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from accuracy import LONG, SPLITS
from common import machine

from classifier.archive import predict_archive
from classifier.config import Config
from classifier.corpora import load
from classifier.manifest import MANIFEST
from classifier.predictor import Predictor
from classifier.streaming import StreamOptions, predict_file

TASKS = ("topic", "country", "region")
FILE_ARTICLES = 4000
STEPS = ("kill", "speed", "train")


def write_archive(articles, n_articles, folder):
    """Write `n_articles` in files of `FILE_ARTICLES`; a copy has a suffix to its id and one word more."""
    folder.mkdir(parents=True)
    rows = []
    for i in range(n_articles):
        article, copy = articles[i % len(articles)], i // len(articles)
        text = f"{article.text} {copy}" if copy else article.text
        rows.append({"id": f"{article.id}~{copy}", "title": article.title, "text": text})
        if len(rows) == FILE_ARTICLES or i + 1 == n_articles:
            pq.write_table(pa.Table.from_pylist(rows), folder / f"{i // FILE_ARTICLES:05d}.parquet", compression="zstd")
            rows = []
    return sorted(map(str, folder.iterdir()))


class Killer(threading.Thread):
    """Kills a worker of this process every few seconds."""

    def __init__(self, seconds):
        super().__init__(daemon=True)
        self.seconds, self.n_killed = seconds, 0
        self.done, self.pause = threading.Event(), threading.Event()

    def run(self):
        """Kill until `done`."""
        while not self.done.wait(self.seconds * random.uniform(0.5, 1.5)):
            workers = [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
            if workers and not self.pause.is_set():
                random.choice(workers).kill()
                self.n_killed += 1


def kill(options, place):
    """Label an archive under fire, stop and resume once, and compare with the plain run."""
    articles = [a for a in load("ant-v2", options.mirror) if a.text.strip()]
    files = write_archive(articles, options.articles, place / "archive")
    out, n_files = place / "labels", len(files)
    killer = Killer(options.kill_seconds)
    started = time.perf_counter()
    # First a part of it, as an interrupted run would have left it; then all.
    first = predict_archive(
        files[: n_files // 3], out, StreamOptions(), n_workers=2, on_start=lambda dashboard: killer.start()
    )
    killer.pause.set()
    second = predict_archive(
        files, out, StreamOptions(), n_workers=2, resume=True, on_start=lambda dashboard: killer.pause.clear()
    )
    seconds = time.perf_counter() - started
    killer.done.set()
    entries = [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()[1:]]
    outputs = {entry["source"]: out / entry["output"] for entry in entries}
    assert len(entries) == n_files == second.resumed + n_files - n_files // 3, "a file is there twice, or is not there"
    assert {p.name for p in out.iterdir()} == {MANIFEST} | {p.name for p in outputs.values()}
    plain_seconds, n_rows, n_labels = compare(files, outputs, place)
    return {
        "articles": n_rows,
        "files": n_files,
        "labels equal": n_labels,
        "failures": first.failures | second.failures,
        "workers killed": killer.n_killed,
        "seconds under fire, 2 workers": round(seconds, 1),
        "seconds of the plain run": round(plain_seconds, 1),
        "bytes read": sum(Path(f).stat().st_size for f in files),
        "bytes written": sum(p.stat().st_size for p in outputs.values()),
    }


def compare(files, outputs, place):
    """Label each file by the plain run; every row must be that of the Dask run."""
    predictor, seconds, n_rows, n_labels = Predictor.load(), 0.0, 0, 0
    for file in files:
        started = time.perf_counter()
        predict_file(predictor, file, str(place / "plain.jsonl"), StreamOptions())
        seconds += time.perf_counter() - started
        plain = [json.loads(line) for line in (place / "plain.jsonl").read_text(encoding="utf-8").splitlines()]
        rows = pq.read_table(outputs[file]).to_pylist()
        assert len(plain) == len(rows), file
        for a, b in zip(plain, rows, strict=True):
            assert (a["position"], a["id"], b["error"]) == (b["position"], b["id"], None), file
            for task in TASKS:
                stated = zip(b[f"{task}_all"], b[f"{task}_all_probability"], strict=True)
                assert a[task] == [{"code": code, "probability": p} for code, p in stated], (file, a["position"])
                n_labels += len(a[task])
        n_rows += len(rows)
    return seconds, n_rows, n_labels


def speed(options, place):
    """Time one worker and two in turn; their start is not in the clock, for it does not grow with the archive.

    On a machine that others use, too, workers wait for a processor: the kernel says how long, and the rates are given
    with that time and without it.
    """
    articles = [a for a in load("ant-v2", options.mirror) if a.text.strip()]
    files = write_archive(articles, options.speed_articles, place / "archive")
    runs, loads = {1: [], 2: []}, []
    for _ in range(options.rounds):
        for n_workers in (1, 2):
            loads.append(os.getloadavg()[0])
            runs[n_workers].append(timed_archive(files, place / "labels", n_workers))
            print(n_workers, runs[n_workers][-1], file=sys.stderr, flush=True)
    seconds = processor_seconds(files[:6], place)
    figures = {
        "articles": options.speed_articles,
        "processor seconds for 1,000 articles, plain run": round(1000 * seconds / (5 * FILE_ARTICLES), 3),
        "load before each run": [round(x, 1) for x in loads],
    }
    for name in runs[1][0]:
        one, two = ([run[name] for run in runs[n]] for n in (1, 2))
        ratio = statistics.median(two) / statistics.median(one)
        pairs = [round(b / a, 2) for a, b in zip(one, two, strict=True)]
        figures[name] = {"1": statistics.median(one), "2": statistics.median(two), "ratio": ratio, "pairs": pairs}
    return figures


def processor_seconds(files, place):
    """Processor time of the plain run over all files but the first."""
    predictor = Predictor.load()
    predict_file(predictor, files[0], str(place / "plain.jsonl"), StreamOptions())
    started = time.process_time()
    for file in files[1:]:
        predict_file(predictor, file, str(place / "plain.jsonl"), StreamOptions())
    return time.process_time() - started


def timed_archive(files, out, n_workers):
    """Label an archive; rates count from the time that all workers have loaded the model."""
    shutil.rmtree(out, ignore_errors=True)
    looks = []
    n_warm = 2 * n_workers

    def note(n_done, n_files):
        if n_done in (n_warm, n_files):
            looks.append((time.perf_counter(), *worker_times()))

    predict_archive(files, out, StreamOptions(), n_workers=n_workers, on_file=note)
    wall, busy, waited = (end - begin for begin, end in zip(*looks, strict=True))
    n_articles = (len(files) - n_warm) * FILE_ARTICLES
    return {
        "articles a second": n_articles / wall,
        "articles a second, waiting for a processor left out": n_articles / (wall - waited / n_workers),
        "processor seconds for 1,000 articles": 1000 * busy / n_articles,
    }


def worker_times():
    """Return the seconds that the workers' busiest threads have had a processor, and have waited for one."""
    busy = waited = 0
    for process in psutil.Process().children(recursive=True):
        if "spawn_main" in " ".join(process.cmdline()):
            stats = [path.read_text().split() for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat")]
            ran, delay = max((int(ran), int(delay)) for ran, delay, _ in stats)
            busy, waited = busy + ran, waited + delay
    return busy / 1e9, waited / 1e9


def train(options, place):
    """Score both ways of training on the sections of ANT; then peak memory of ten times as many articles."""
    split = SPLITS["ant-sections"](options.mirror)
    rows = [
        {"id": f"{i}", "title": a.title, "text": a.text, "section": section}
        for i, (a, section) in enumerate(zip(split.train, split.train_labels, strict=True))
    ]
    write_lines(rows, 1, place / "one.jsonl")
    write_lines(rows, options.times, place / "many.jsonl")
    (place / "long.toml").write_text(to_toml(LONG))
    figures = {"times": options.times}
    runs = (("in memory", "one", []), ("out of core", "one", ["--out-of-core"]))
    runs += ((f"out of core, {options.times} times", "many", ["--out-of-core"]),)
    for name, data, flags in runs:
        seconds, peak = timed_train(place / f"{data}.jsonl", place, flags)
        predictor = Predictor.load(place / "model")
        labels = np.array(predictor.labels("section"))
        stated = labels[predictor.scorer.decision_function(split.test, "section").argmax(axis=1)]
        figures[name] = {
            "articles": len(rows) * (options.times if data == "many" else 1),
            "accuracy": round(float((stated == split.test_labels).mean()), 4),
            "seconds": round(seconds, 1),
            "peak MB": round(peak / 1e6),
        }
        print(name, figures[name], file=sys.stderr, flush=True)
    return figures


def write_lines(rows, times, path):
    """Write rows several times over, as other articles: with another id and one word more."""
    with path.open("w", encoding="utf-8") as file:
        for copy in range(times):
            for row in rows:
                changed = row | {"id": f"{row['id']}~{copy}", "text": f"{row['text']} {copy}" if copy else row["text"]}
                file.write(json.dumps(changed, ensure_ascii=False) + "\n")


def to_toml(config: Config):
    """Write a configuration as a file that `--config` reads."""
    lines = [f"{k} = {v}" for k, v in config.to_dict().items() if isinstance(v, int)]
    for block in config.to_dict()["blocks"]:
        lines += ["[[blocks]]", *(f"{k} = {json.dumps(v)}" for k, v in block.items() if v is not None)]
    lines += ["[heads]", *(f"{k} = {v}" for k, v in config.to_dict()["heads"].items())]
    return "\n".join(lines) + "\n"


def timed_train(data, place, flags):
    """Train in a process of its own; return seconds and its peak resident memory in bytes."""
    command = [sys.executable, "-m", "classifier", "train", str(data), "--output", str(place / "model")]
    command += ["--task", "section=section", "--config", str(place / "long.toml"), "--no-report", *flags]
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - started, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=(*STEPS, "all"))
    parser.add_argument("--mirror", required=True, help="folder with the archives")
    parser.add_argument("--scratch", type=Path, help="a folder on a disk with 10 GB of room")
    parser.add_argument("--articles", type=int, default=200_000, help="of the archive under fire")
    parser.add_argument("--kill-seconds", type=float, default=10, help="between kills, about")
    parser.add_argument("--speed-articles", type=int, default=80_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=13, help="copies of the training part; 13 are ten times ANT")
    parser.add_argument("--output", type=Path, default=Path("build/scale.json"))
    options = parser.parse_args()
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    for step in STEPS if options.step == "all" else [options.step]:
        with tempfile.TemporaryDirectory(dir=options.scratch) as place:
            results |= {"machine": machine(), step: globals()[step](options, Path(place))}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(results[step], ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
