"""Fuzz model folders: mutants of a good one must be refused by ModelFormatError, or load and predict.

Half of the mutants have their sums made right again, so that the checks behind the checksum are reached. A worker
process loads them under an audit hook, which notes whatever might run code, open a connection or touch a file outside
the folder, and with little more address space than the good model takes. The exit code is 0 only if nothing was found.

    python benchmarks/robustness/model_folders.py --mutants 20000 --seed 0
    python benchmarks/robustness/model_folders.py --seed 0 --only 1234      # one mutant again, with its traceback
"""

import argparse
import collections
import contextlib
import hashlib
import json
import os
import random
import re
import resource
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

CARD, CONFIG, WEIGHTS, SUMS = "README.md", "config.json", "weights.safetensors", "SHA256SUMS"
GOOD = Path(__file__).parents[2] / "tests" / "data" / "model-v1"
ROOM_BYTES = 256 << 20
"""Address space that a mutant may take beyond what the good model took."""
SILENCE_SECONDS = 60
TEXTS = ["", "العراق", "ا" * 5000, "\ud800\u0640\u064b 1 a", "أعلنت وزارة الخارجية المصرية في القاهرة فوز الفريق " * 40]
NUMBERS = [0, 1, -1, 2, 255, 2**31 - 1, -(2**31), 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 10**400, 0.5, -0.0, 1e-300]
VALUES = [
    *(None, True, False, "", "1", "topic", "../../etc/passwd", "/etc/passwd", "\ud800", "\x00", "x" * 10_000),
    *([], {}, [[]], {"a": 1}, float("nan"), float("inf"), -float("inf"), 1e300, *NUMBERS),
]
BYTES = [b"", b"\x00", b"\xff" * 8, b"\x00" * 64, b"\x7f" + b"\xff" * 7, b"{}", b'"', b"[" * 5000, b"\n", b"1e999"]


# Mutations: each changes a folder by chances that it draws from `chance`


def flip_bits(folder, chance):
    """Change some bits of a file."""
    file = a_file(folder, chance)
    content = bytearray(file.read_bytes())
    for _ in range(chance.choice([1, 1, 2, 8, 64]) if content else 0):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def splice(folder, chance):
    """Put bytes, or a piece of the same file, in the place of a piece of it."""
    file = a_file(folder, chance)
    content = file.read_bytes()
    a, b, c, d = sorted(chance.randrange(len(content) + 1) for _ in range(4))
    piece = chance.choice([*BYTES, content[c:d]])
    file.write_bytes(content[:a] + piece + content[chance.choice([a, a, b]) :])


def cut(folder, chance):
    """Truncate a file."""
    file = a_file(folder, chance)
    os.truncate(file, chance.randrange(file.stat().st_size + 1))


def change_config(folder, chance):
    """Change values anywhere in the configuration."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    for _ in range(chance.choice([1, 1, 1, 3])):
        change_value(config, chance)
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def change_value(value, chance):
    """Go down to some list or object, and replace, remove, repeat or add one of its items."""
    while True:
        inner = [v for v in (value.values() if isinstance(value, dict) else value) if isinstance(v, dict | list) and v]
        if not inner or chance.random() < 0.25:
            break
        value = chance.choice(inner)
    key = chance.choice([*value]) if isinstance(value, dict) else chance.randrange(len(value))
    match chance.randrange(8):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value.insert(key, value[chance.randrange(len(value))])
        case 2 if isinstance(value, list):
            chance.shuffle(value)
        case 3 if isinstance(value, dict):
            value[chance.choice(["evil", "__class__", "", *value])] = value[key]
        case 4 if isinstance(value[key], int | float):
            value[key] = value[key] * chance.choice([-1, 0, 2, 1e10, 1e-10]) + chance.choice([0, 1, -1])
        case _:
            value[key] = chance.choice(VALUES)


def change_header(folder, chance):
    """Change what the header of the weights says, leaving the data as it is."""
    raw = (folder / WEIGHTS).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    if chance.random() < 0.5:
        change_value(header, chance)
    else:
        lie(chance.choice([*header.values()]), chance)
    text = json.dumps(header).encode()
    said = chance.choice([len(text), len(text), len(text), len(text), chance.choice(NUMBERS[:9])]) & (2**64 - 1)
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", said) + text + raw[8 + size :])


def lie(entry, chance):
    """Say something that may still be true of the number of bytes."""
    begin, end = entry["data_offsets"]
    size, shape = end - begin, entry["shape"]
    width = max(size // max(int(np.prod(shape, dtype=object)), 1), 1)
    match chance.randrange(5):
        case 0:
            entry["dtype"] = chance.choice(["F32", "I32", "U32", "I8", "U8", "BOOL", "F64", "I64", "BF16", "F8_E4M3"])
        case 1:
            entry["shape"] = chance.choice([[size // width], shape[::-1], [1, *shape], [*shape, 1], [0, *shape], []])
        case 2:
            entry["shape"] = [chance.choice(NUMBERS[:12]) for _ in range(chance.randrange(4))]
        case 3:
            entry["data_offsets"] = [begin + chance.choice([0, 1, 4, -4]), end + chance.choice([0, 1, 4, -4, 2**40])]
        case _:
            entry["data_offsets"] = [chance.choice(NUMBERS[:12]), chance.choice(NUMBERS[:12])]


def change_arrays(folder, chance):
    """Change elements, order, type or shape of some arrays, in a file that is well-formed."""
    arrays = {name: array.copy() for name, array in load_file(folder / WEIGHTS).items()}
    for _ in range(chance.choice([1, 1, 1, 4])):
        name = chance.choice([*arrays])
        changed = change_array(arrays[name], chance)
        match chance.randrange(12):
            case 0:
                del arrays[name]
            case 1:
                arrays[chance.choice([*arrays, "evil", "block0.keys"])] = changed
            case _:
                arrays[name] = changed
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()} or {"x": np.zeros(1)}
    save_file(arrays, folder / WEIGHTS)


def change_array(array, chance):
    """Return a changed copy of an array."""
    match chance.randrange(7):
        case 0:
            with np.errstate(invalid="ignore"):
                return array.astype(chance.choice(["f4", "f8", "i1", "u1", "i2", "i4", "i8", "u4", "u8", "?"]))
        case 1:
            return array.ravel() if chance.random() < 0.5 else array[..., None]
        case 2:
            return np.resize(array, [max(n + chance.choice([-1, 1, 0, n]), 0) for n in array.shape])
        case 3:
            return array[::-1] if chance.random() < 0.5 else np.sort(array, axis=0)
        case 4:
            return np.roll(array, chance.randrange(1, 9), axis=0)
        case _:
            return with_values(array, chance)


def with_values(array, chance):
    """Return a copy with some elements that are extreme, or near what they were."""
    changed = array.copy()
    for _ in range(chance.choice([1, 1, 2, 10]) if array.size else 0):
        at = chance.randrange(array.size)
        changed.flat[at] = chance.choice([*extremes(array.dtype), changed.flat[at], changed.flat[at - 1]])
        if array.dtype.kind in "iu" and chance.random() < 0.3:
            changed.flat[at] = int(changed.flat[at]) ^ (1 << chance.randrange(8 * array.itemsize - 1))
    return changed


def extremes(dtype):
    """Return the values of a type that are most likely to have been forgotten."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return [info.min, info.max, 0, 1, info.max - 1, info.max // 2]
    return [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, 0, -0.0, 1e9, -1e9, 1.0001]


def change_sums(folder, chance):
    """Change the list of sums itself."""
    lines = (folder / SUMS).read_text().splitlines()
    extra = chance.choice(["../../etc/passwd", "/etc/passwd", "model.pkl", CONFIG, "a\x00b", "", "x" * 300])
    digest = hashlib.sha256(b"").hexdigest()
    match chance.randrange(5):
        case 0:
            lines.append(f"{digest}  {extra}")
        case 1:
            lines[chance.randrange(len(lines))] = f"{digest}  {extra}"
        case 2:
            lines.pop(chance.randrange(len(lines)))
        case 3:
            lines = [line.upper().replace("README.MD", CARD) for line in lines]
        case _:
            lines = [line.replace("  ", chance.choice([" ", " *", "\t", "   "])) for line in lines]
    (folder / SUMS).write_text(chance.choice(["\n", "\r\n", "\n\n", "\x00"]).join(lines))


def change_files(folder, chance):
    """Remove, rename, link or replace whole files, or put others beside them."""
    file = folder / chance.choice([CARD, CONFIG, WEIGHTS, SUMS])
    outside = folder.parent / "outside"
    match chance.randrange(9):
        case 0:
            file.unlink()
        case 1:
            shutil.copy(file, outside)
            file.unlink()
            file.symlink_to(chance.choice([outside, Path("/etc/passwd"), Path("/dev/zero"), file, Path("../outside")]))
        case 2:
            file.unlink()
            file.mkdir()
        case 3:
            file.unlink()
            os.mkfifo(file)
        case 4:
            os.truncate(file, chance.choice([1 << 25, 1 << 36, 1 << 42]))  # sparse: takes no room
        case 5:
            (folder / chance.choice(["model.pkl", "evil.py", ".hidden", "\x1b[31m", "a\nb", "__init__.py"])).touch()
        case 6:
            (folder / "sub").mkdir()
        case 7:
            shutil.copy(folder / chance.choice([CARD, CONFIG, WEIGHTS]), file)
        case _:
            file.rename(folder / chance.choice(["x", f"{file.name}.bak", file.name.upper()]))


def a_file(folder, chance):
    """Choose a file that can still be changed."""
    names = [name for name in (CARD, CONFIG, CONFIG, WEIGHTS, WEIGHTS, SUMS) if is_plain(folder / name)]
    return folder / chance.choice(names or [CARD])


def is_plain(file):
    """Say whether this is a regular file of a size to be read."""
    return file.is_file() and not file.is_symlink() and file.stat().st_size < 1 << 24


MUTATIONS = {
    f.__name__: f
    for f in (flip_bits, splice, cut, change_config, change_header, change_arrays, change_sums, change_files)
}
OFTEN = ["change_config", "change_header", "change_arrays", "change_arrays"]


def make_mutant(good, folder, seed, number):
    """Write mutant `number` of a seed; return what was done to it, and whether it was signed again."""
    chance = random.Random(f"{seed}/{number}")
    shutil.copytree(good, folder)
    names = [chance.choice([*MUTATIONS, *OFTEN]) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    if "change_files" in names:  # once and last: the others read files, and a pipe has nothing to read
        names = [*(name for name in names if name != "change_files"), "change_files"]
    for name in names:
        with contextlib.suppress(
            OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError, SafetensorError
        ):
            MUTATIONS[name](folder, chance)  # a second one may not fit what a first has left
    is_signed = number % 2 == 1
    if is_signed:
        sign(folder)
    return names, is_signed


def sign(folder):
    """Make the sums of what can be summed right again."""
    files = [folder / name for name in (CARD, CONFIG, WEIGHTS)]
    if all(map(is_plain, files)) and (is_plain(folder / SUMS) or not os.path.lexists(folder / SUMS)):
        lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
        (folder / SUMS).write_text("".join(lines))


# The worker


class Watch:
    """Notes what no loading of a model should do."""

    FORBIDDEN = re.compile(
        r"exec|compile|import|code\.__new__|pickle\.find_class|marshal\.loads|ctypes\.|subprocess\.|socket\.|shutil\."
        r"|os\.(system|exec|spawn|posix_spawn|fork|remove|rename|rmdir|mkdir|chmod|chown|link|symlink|truncate|putenv)"
    )

    def __init__(self):
        self.folder = None
        self.notes = []
        sys.addaudithook(self._see)

    def _see(self, event, args):
        if self.folder is None:
            return
        if self.FORBIDDEN.match(event):
            self.notes.append(f"{event}{args!r:.80}")
        elif event == "open" and not self._may_open(*args):
            self.notes.append(f"open{args!r:.80}")

    def _may_open(self, path, mode, flags):
        is_read = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return is_read and (isinstance(path, int) or Path(os.fsdecode(path)).parent == self.folder)

    @contextlib.contextmanager
    def over(self, folder):
        """Watch while a folder is loaded and used."""
        self.folder, self.notes = folder, []
        try:
            yield self.notes
        finally:
            self.folder = None


def use(folder):
    """Load a folder and do with it all that its user might."""
    from classifier.article import Article
    from classifier.predictor import Predictor

    predictor = Predictor.load(folder)
    articles = [Article(text, title) for text, title in zip(TEXTS, TEXTS[::-1], strict=True)]
    predictor.predict(articles)
    for task in predictor.tasks:
        assert np.isfinite(predictor.predict_proba(articles, task)).all(), "probabilities that are none"
    for task in [*predictor.tasks, *predictor.derived_tasks]:
        predictor.explain(articles[-1], task)
    predictor.passages(articles[-1])


def verdict(watch, folder):
    """Return (kind, detail): refused and loaded are good, found is not."""
    from classifier.errors import ModelFormatError

    kind, detail = "loaded", ""
    with watch.over(folder) as notes:
        try:
            use(folder)
        except ModelFormatError as error:
            kind, detail = "refused", str(error)
        except BaseException as error:  # noqa: BLE001  (what it is for)
            kind, detail = "found", f"{type(error).__name__}: {error!s:.300}"
            if os.environ.get("ROBUSTNESS_TRACEBACK"):
                traceback.print_exc()
    if kind == "refused" and (str(folder) not in detail or not detail.isprintable() or len(detail) > 1000):
        return "found", f"an error that names no file or is not one short line: {detail!r:.300}"
    if notes:
        return "found", f"it was seen to {', '.join(notes[:5])}"
    return kind, detail.replace(str(folder), "MODEL")


def work(good, seed, numbers):
    """Load mutants, one line of JSON each."""
    watch = Watch()
    use(good)
    use(good)
    limit_memory()
    with tempfile.TemporaryDirectory() as place:
        for number in numbers:
            folder = Path(place) / str(number) / "model"
            folder.parent.mkdir()
            print(json.dumps({"starts": number}), flush=True)
            names, is_signed = make_mutant(good, folder, seed, number)
            kind, detail = verdict(watch, folder)
            print(json.dumps({"done": [number, names, is_signed, kind, detail]}), flush=True)
            shutil.rmtree(folder.parent)
    print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}), flush=True)


def limit_memory():
    """Let this process take `ROOM_BYTES` more of address space, so that absurd sizes fail at once."""
    status = Path("/proc/self/status")
    if status.exists():
        size = int(re.search(r"VmSize:\s+(\d+) kB", status.read_text())[1]) << 10
        resource.setrlimit(resource.RLIMIT_AS, (size + ROOM_BYTES, size + ROOM_BYTES))


# The parent


def campaign(good, seed, n_mutants):
    """Run all mutants; go on behind one that ends the worker. Return verdicts and the highest peak of memory in MiB."""
    results, peak, first = [], 0, 0
    while first < n_mutants:
        started = None
        for message in worker(good, seed, first, n_mutants):
            started = message.get("starts", started)
            peak = max(peak, message.get("peak", 0))
            results += [message["done"]] if "done" in message else []
        if len(results) == n_mutants:
            break
        if started is None:
            raise SystemExit("the worker could not use the good model: see above")
        if not results or results[-1][0] != started:
            results.append([started, [], False, "found", "the worker crashed or hung"])
        first = started + 1
    return results, peak


def worker(good, seed, first, n_mutants):
    """Yield the messages of a worker process; end it when it says nothing for too long."""
    command = [sys.executable, __file__, "--model", good, "--seed", str(seed), "--worker", f"{first}:{n_mutants}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        rest = b""
        while select.select([process.stdout], [], [], SILENCE_SECONDS)[0]:
            heard = os.read(process.stdout.fileno(), 1 << 16)
            if not heard:
                return
            *lines, rest = (rest + heard).split(b"\n")
            yield from map(json.loads, lines)
        process.kill()


def report(results, peak):
    """Print the counts; return whether nothing was found."""
    counts = collections.Counter((kind, is_signed) for _, _, is_signed, kind, _ in results)
    print(f"{len(results)} mutants, peak of the worker {peak} MiB")
    for kind in ("refused", "loaded", "found"):
        print(f"{kind}: {counts[kind, False]} as they were, {counts[kind, True]} signed again")
    reasons = {re.sub(r"'[^']*'|\d+", "_", detail)[:60] for _, _, _, kind, detail in results if kind == "refused"}
    print(f"kinds of reasons given: {len(reasons)}")
    found = [result for result in results if result[3] == "found"]
    for number, names, is_signed, _, detail in found[:20]:
        print(f"mutant {number} ({', '.join(names)}{', signed' if is_signed else ''}): {detail}")
    return not found


def main():
    """Run a campaign, or its worker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=GOOD)
    parser.add_argument("--only", type=int)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        first, _, stop = args.worker.partition(":")
        return work(args.model, args.seed, range(int(first), int(stop)))
    if args.only is not None:
        os.environ["ROBUSTNESS_TRACEBACK"] = "1"
        return work(args.model, args.seed, [args.only])
    return None if report(*campaign(args.model, args.seed, args.mutants)) else sys.exit(1)


if __name__ == "__main__":
    main()
