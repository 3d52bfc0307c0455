"""Kill `predict` and `train` at random moments, and fill the disk under them: nothing is lost, nothing is half there.

Each `predict` is killed (SIGKILL) again and again until a run survives; then every record of the input must stand in
the output or the rejects exactly once, and both files must be those of an undisturbed run, byte for byte. Before that
no file may stand under its final name. A killed `train` must leave the earlier model whole or the new one whole. A disk
that is full (a limit to the size of files, growing until it is enough) must give one line and exit code 1.

    python benchmarks/robustness/faults.py --predictions 50 --trainings 20 --seed 0
"""

import argparse
import collections
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "tests" / "data" / "model-v1"
STARTER = ROOT / "datasets" / "starter" / "articles.jsonl"
BAD_RECORDS = ["{", '{"text": null}', '{"text": ""}', "[]", '{"text": 5}', '{"text": "\\ud800"}']


def make_input(path, n_articles, chance):
    """Write articles with bad records among them; return the number of records."""
    rows = STARTER.read_text(encoding="utf-8").splitlines()
    lines = [chance.choice(rows) if chance.random() < 0.97 else chance.choice(BAD_RECORDS) for _ in range(n_articles)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def command(*args):
    """Return the command line of the project."""
    return [sys.executable, "-m", "classifier", *map(str, args)]


def run(args, *, kill_when=None, largest_file=None):
    """Run a command, perhaps to be killed; return its exit code (None if killed) and what it said."""

    def limit():
        if largest_file is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails instead
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(args, cwd=ROOT, text=True, preexec_fn=limit, **pipes) as process:  # noqa: PLW1509
        while kill_when is not None and process.poll() is None:
            if kill_when():
                process.kill()
            time.sleep(0.001)
        _, said = process.communicate()
    return (None if process.returncode == -signal.SIGKILL else process.returncode), said


def after(seconds):
    """Return a function that says whether so much time has passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def grown(path, size):
    """Return a function that says whether a file has so many bytes."""
    return lambda: path.exists() and path.stat().st_size >= size


def contents(folder):
    """Return the bytes of each file of a folder."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


def require(holds, what):
    """Stop with what was found."""
    if not holds:
        raise SystemExit(f"found: {what}")


# predict


class Prediction:
    """An input, and the files of an undisturbed run over it."""

    def __init__(self, place, suffix, n_articles, chance):
        self.source, self.suffix = place / f"in-{suffix[1:]}.jsonl", suffix
        self.n_records = make_input(self.source, n_articles, chance)
        started = time.monotonic()
        code, said = run(self.command(place / f"calm{suffix}"))
        self.seconds = time.monotonic() - started
        require(code == 0, f"the undisturbed run failed: {said}")
        self.whole = (place / f"calm{suffix}").read_bytes()
        self.rejects = (place / f"calm{suffix}.rejects.jsonl").read_bytes()

    def command(self, output, *more):
        """Return the command that labels the input."""
        return command("predict", self.source, "--model", MODEL, "--output", output, *more)

    def moment(self, output, chance):
        """Choose when to kill: mostly after some more bytes were written, as most moments are spent on imports."""
        if chance.random() < 0.3:
            return after(chance.uniform(0.1, 1.1) * self.seconds)
        part = output.with_name(output.name + ".part")
        done = part.stat().st_size if part.exists() else 0
        return grown(part, done + chance.randrange(len(self.whole) // 2))

    def check_complete(self, output):
        """Compare with the undisturbed run."""
        rejects = output.with_name(output.name + ".rejects.jsonl")
        require(output.read_bytes() == self.whole, f"{output.name} differs from that of an undisturbed run")
        require(rejects.read_bytes() == self.rejects, f"{rejects.name} differs from that of an undisturbed run")
        require(sorted(p.name for p in output.parent.iterdir()) == [output.name, rejects.name], "files are left over")
        rows = self.whole.splitlines()[self.suffix == ".csv" :]
        numbers = [int(row.split(b",")[0]) if self.suffix == ".csv" else json.loads(row)["position"] for row in rows]
        numbers += [json.loads(row)["position"] for row in self.rejects.splitlines()]
        require(sorted(numbers) == [*range(1, self.n_records + 1)], "a record is missing or there twice")

    def check_incomplete(self, output):
        """No final name before the end, unless the end had come."""
        if output.exists():
            require(output.read_bytes() == self.whole, f"{output.name} stands there incomplete")


def kill_prediction(prediction, place, chance):
    """Kill a run and those that resume it until one survives; return how many were killed."""
    place.mkdir()
    output = place / f"out{prediction.suffix}"
    kills = 0
    while True:
        code, said = run(prediction.command(output, "--resume"), kill_when=prediction.moment(output, chance))
        if code is not None:
            is_done = code == 1 and "is complete: nothing to resume" in said  # killed after the last rename
            require(code == 0 or is_done, f"exit code {code} on resuming: {said}")
            prediction.check_complete(output)
            return kills
        kills += 1
        prediction.check_incomplete(output)


def fill_disk_of_prediction(prediction, place, chance):
    """Let files grow to a random size only, then a larger one, until the run succeeds; return how often it failed."""
    place.mkdir()
    output = place / f"out{prediction.suffix}"
    largest, failures = chance.randrange(1, len(prediction.whole) // 2), 0
    while True:
        code, said = run(prediction.command(output, "--resume"), largest_file=largest)
        if code == 0:
            prediction.check_complete(output)
            return failures
        require(code == 1 and said.count("\n") == 1 and "could not write: File too large" in said, f"{code}: {said}")
        require(not output.exists(), f"{output.name} stands there incomplete")
        failures += 1
        largest += chance.randrange(1, len(prediction.whole) // 2)


# train


class Training:
    """Data to train on, an earlier model, and the model that an undisturbed run makes."""

    def __init__(self, place):
        self.source, self.parent = place / "train.jsonl", place / "models"
        rows = STARTER.read_text(encoding="utf-8").splitlines()[::6]
        self.source.write_text("\n".join(rows) + "\n", encoding="utf-8")
        started = time.monotonic()
        code, said = run(self.command(place / "calm"))
        self.seconds = time.monotonic() - started
        require(code == 0, f"the undisturbed run failed: {said}")
        self.new, self.old = contents(place / "calm"), contents(MODEL)

    def command(self, output):
        """Return the command that trains."""
        return command("train", self.source, "--output", output, "--no-report", "--preset", "char")

    def start(self, has_earlier):
        """Return the place of the model, with an earlier one there or not."""
        shutil.rmtree(self.parent, ignore_errors=True)
        self.parent.mkdir()
        if has_earlier:
            shutil.copytree(MODEL, self.parent / "mine")
        return self.parent / "mine"

    def outcome(self, output, has_earlier):
        """Say what stands under the name: old, new or nothing; stop if it is anything else."""
        found = contents(output) if output.exists() else None
        if found is None:
            aside = [p for p in self.parent.glob(".mine-old-*/model") if contents(p) == self.old]
            require(not has_earlier or aside, "the earlier model is lost")
            return "moved aside" if has_earlier else "nothing"
        require(found in (self.old, self.new), f"{output.name} is neither the old nor the new model")
        return "old" if found == self.old else "new"


def kill_training(training, chance):
    """Kill a run; return what it left. A run after it must succeed."""
    has_earlier = chance.random() < 0.5
    output = training.start(has_earlier)
    # The end, where files are written, is what may go wrong.
    moment = training.seconds * (chance.uniform(0.1, 1.0) if chance.random() < 0.3 else chance.uniform(0.9, 1.05))
    code, said = run(training.command(output), kill_when=after(moment))
    require(code in (None, 0), f"exit code {code}: {said}")
    left = training.outcome(output, has_earlier)
    require(code is None or left == "new", f"it said that it was done, and left {left}")
    return f"{'killed' if code is None else 'too late'}, {left}"


def fill_disk_of_training(training, chance):
    """Let files grow to a random size only; return what the run left."""
    has_earlier = chance.random() < 0.5
    output = training.start(has_earlier)
    largest = chance.randrange(1, 2 * max(map(len, training.new.values())))
    before = contents(output) if has_earlier else None
    code, said = run(training.command(output), largest_file=largest)
    if code == 0:
        require(contents(output) == training.new, "the model differs from that of an undisturbed run")
        return "room enough"
    require(code == 1 and said.splitlines()[-1].startswith("error: ") and "Traceback" not in said, f"{code}: {said}")
    require((contents(output) if output.exists() else None) == before, "the earlier model was changed")
    require([p.name for p in training.parent.iterdir()] == ["mine"] * has_earlier, "files are left over")
    return "refused, nothing changed"


def main():
    """Inject the faults and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predictions", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=10)
    parser.add_argument("--articles", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        suffixes = (".jsonl", ".csv")[: args.predictions]
        predictions = [Prediction(place, suffix, args.articles, chance) for suffix in suffixes]
        for i in range(args.predictions):
            prediction = predictions[i % len(predictions)]
            counts["predict: killed"] += kill_prediction(prediction, place / f"kill-{i}", chance)
            counts["predict: disk full"] += fill_disk_of_prediction(prediction, place / f"fill-{i}", chance)
            counts["predict: complete and byte-identical in the end"] += 2
            counts["predict: records in them"] += 2 * prediction.n_records
        training = Training(place) if args.trainings else None
        for _ in range(args.trainings):
            counts[f"train: {kill_training(training, chance)}"] += 1
            counts[f"train, disk full: {fill_disk_of_training(training, chance)}"] += 1
    for what, count in sorted(counts.items()):
        print(f"{what}: {count}")
    print("lost, doubled, half-written: nothing")


if __name__ == "__main__":
    main()
