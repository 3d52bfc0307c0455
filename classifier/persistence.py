"""The model folder: `config.json`, `weights.safetensors`, `README.md`, and `SHA256SUMS` of the others.

Nothing in it is ever executed; its arrays are memory-mapped. Format: docs/model-format.md.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from classifier.blocks import Block
from classifier.calibration import Calibration
from classifier.config import Config
from classifier.errors import DataError, ModelFormatError
from classifier.gazetteer import Gazetteer
from classifier.places import PLACE_FEATURES
from classifier.scorer import NONE, PlaceHead, Scorer, Task
from classifier.symbols import symbol_table, written_table

__all__ = ["FORMAT_VERSION", "load_base", "load_scorer", "save_scorer", "shipped_model"]

FORMAT_VERSION = 1
CONFIG, WEIGHTS, CARD, SUMS = "config.json", "weights.safetensors", "README.md", "SHA256SUMS"
_LARGEST_BYTES = {CARD: 1 << 20, CONFIG: 1 << 22, WEIGHTS: 1 << 32, SUMS: 1 << 12}
"""Of each file, checked before it is read: a sparse file of terabytes comes in an archive of nothing."""
_LARGEST_HEADER_BYTES = 1 << 20
_LONGEST_REASON = 300
_LARGEST_NUMBER = 1e9
"""Of any weight: far beyond what training gives, and far from what could overflow."""
_PLACE_NUMBERS = ("unmentioned", "ngram", "headless", "none", "intercept")
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "pyarabic")


def shipped_model() -> Path:
    """Return the folder of the model in the package.

    Raises
    ------
    ModelFormatError
        If this installation has none.
    """
    folder = Path(str(files("classifier").joinpath("shipped")))
    if not folder.is_dir():
        raise ModelFormatError(
            "this installation has no shipped model: train one with `python train.py`, load its folder"
        )
    return folder


def save_scorer(scorer: Scorer, path: str | Path, *, card: str, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a model folder: complete under its name, or not at all.

    Parameters
    ----------
    scorer : Scorer
    path : str or Path
        An earlier model folder there is replaced; anything else that is not empty is left alone.
    card : str
        The text of README.md.
    extra : mapping or None
        More for ``config.json``: metrics, hashes of the data.

    Returns
    -------
    Path

    Raises
    ------
    DataError
        If the folder can't be written, or holds something else than a model.
    """
    from safetensors import SafetensorError

    folder = Path(path)
    check_writable(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
            draft = Path(place) / "model"
            draft.mkdir()
            _write(scorer, draft, card, extra or {})
            _swap(draft, folder)
    except (OSError, SafetensorError) as error:  # the latter of a full disk
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{folder}: the model could not be written: {reason}") from error
    return folder


def check_writable(folder: Path) -> None:
    """Raise DataError if a model could not be written to `folder`: better before training than after."""
    try:
        if folder.exists() and not _may_replace(folder):
            raise DataError(f"{folder}: exists and is not a model folder: choose another --output")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent):
            pass
    except OSError as error:
        raise DataError(f"{folder}: can't write there: {error.strerror or error}") from error


def _may_replace(folder: Path) -> bool:
    """Say whether `folder` is empty, or a model folder without anything of the user's."""
    if not folder.is_dir():
        return False
    names = {p.name for p in folder.iterdir()}
    return not names or (CONFIG in names and names <= {CONFIG, WEIGHTS, CARD, SUMS})


def load_scorer(path: Path) -> Scorer:
    """Read a model folder, checking every file against its sum and every array against the configuration.

    Raises
    ------
    ModelFormatError
        Naming the file and the reason.
    """
    if not path.is_dir():
        raise ModelFormatError(f"{path}: no such model folder: train one with `python train.py --output {path}`")
    try:
        _check_sums(path)
        config = _read_config(path / CONFIG)
        arrays = _read_arrays(path / WEIGHTS)
    except OSError as error:
        raise ModelFormatError(f"{error.filename or path}: can't be read: {error.strerror or error}") from error
    try:
        return _scorer(config, arrays)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise ModelFormatError(f"{path}: {CONFIG} and {WEIGHTS} do not fit together: {_shown(reason)}") from error


def load_base(name: str | Path) -> Scorer:
    """Load what a new model builds on: a folder, or the model of the package if `name` is ``"shipped"``.

    Raises
    ------
    ModelFormatError
        As `load_scorer`.
    """
    return load_scorer(shipped_model() if name == "shipped" else Path(name))


def _shown(reason: object) -> str:
    """Keep what a folder of a stranger's makes libraries say from filling or steering a terminal."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(reason)[:_LONGEST_REASON])
    return line + "…" * (len(str(reason)) > _LONGEST_REASON)


def _write(scorer: Scorer, folder: Path, card: str, extra: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(a) for name, a in _arrays(scorer).items()}, folder / WEIGHTS)
    text = json.dumps({**_config(scorer), **extra}, ensure_ascii=False, indent=1)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")
    sums = [f"{_sha256(folder / name)}  {name}" for name in (CARD, CONFIG, WEIGHTS)]
    (folder / SUMS).write_text("\n".join(sums) + "\n", encoding="utf-8")
    (folder / WEIGHTS).chmod((folder / CONFIG).stat().st_mode & 0o777)  # safetensors lets only the owner read it
    for name in (CARD, CONFIG, WEIGHTS, SUMS):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())


def _swap(draft: Path, folder: Path) -> None:
    """Put the new folder in the old one's place; the old one is gone only once the new one stands."""
    if not folder.exists():
        draft.rename(folder)
        return
    place = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    old = place / "model"
    try:
        folder.rename(old)
        draft.rename(folder)
    except BaseException:  # also when interrupted: put the old one back
        if old.exists() and not folder.exists():
            old.rename(folder)
        place.rmdir()
        raise
    shutil.rmtree(place, ignore_errors=True)


def _config(scorer: Scorer) -> dict[str, Any]:
    return {
        "format": FORMAT_VERSION,
        "configuration": scorer.config.to_dict(),
        "normalizer": normalizer_hash(scorer.config),
        "place_features": list(PLACE_FEATURES) if scorer.gazetteer is not None else [],
        "tasks": [_task_config(task) for task in scorer.tasks.values()],
        "versions": {name: _version(name) for name in ("arabic-news-classifier", *_LIBRARIES)},
    }


def _task_config(task: Task) -> dict[str, Any]:
    c, p, o = task.calibration, task.place, task.order
    return {
        "name": task.name,
        "labels": list(task.labels),
        "heads": list(task.heads),
        "calibration": {
            "slope": c.slope,
            "intercept": c.intercept,
            "first": list(c.first),
            "thresholds": [float(t) for t in c.thresholds],
            "always_first": c.always_first,
            "max_labels": c.max_labels,
        },
        "place": p and {name: getattr(p, name) for name in _PLACE_NUMBERS},
        "order": o and {name: getattr(o, name) for name in _PLACE_NUMBERS},
    }


def normalizer_hash(config: Config) -> str:
    """Return a hash of how a model reads characters, so that no version reads it that does so otherwise."""
    tables = [symbol_table(), *([written_table()] if any(block.as_written for block in config.blocks) else [])]
    return hashlib.sha256(b"".join(t.alphabet.encode() + t.codes.tobytes() for t in tables)).hexdigest()


def _arrays(scorer: Scorer) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"intercepts": scorer.intercepts}
    for i, (block, coef, scale) in enumerate(zip(scorer.blocks, scorer.coefs, scorer.scales, strict=True)):
        arrays |= {f"block{i}.keys": block.keys, f"block{i}.idf": block.idf}
        arrays |= {f"block{i}.coef": coef, f"block{i}.scale": scale}
    for task in scorer.tasks.values():
        if task.place is not None:
            arrays[f"place.{task.name}"] = task.place.weights
        if task.order is not None:
            arrays[f"order.{task.name}"] = task.order.weights
    if scorer.gazetteer is not None:
        arrays |= {f"gazetteer.{name}": array for name, array in scorer.gazetteer.to_arrays().items()}
    return arrays


def _check_sums(folder: Path) -> None:
    expected = _read_sums(folder / SUMS)
    for file in folder.iterdir():
        if file.name not in _LARGEST_BYTES:
            raise ModelFormatError(f"{folder}: {file.name!a} is not part of a model folder: remove it")
    for name, digest in expected.items():
        _check_file(folder / name, "get the model again")
        if _sha256(folder / name) != digest:
            raise ModelFormatError(
                f"{folder / name}: differs from its sum in {SUMS}: damaged or changed, get the model again"
            )


def _check_file(path: Path, advice: str) -> None:
    if path.is_symlink() or not path.is_file():
        raise ModelFormatError(f"{path}: missing or not a plain file: {advice}")
    if path.stat().st_size > _LARGEST_BYTES[path.name]:
        raise ModelFormatError(f"{path}: larger than {_LARGEST_BYTES[path.name]} bytes: {advice}")


def _read_sums(path: Path) -> dict[str, str]:
    _check_file(path, "not a model folder, or an incomplete one")
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except ValueError as error:
        raise ModelFormatError(f"{path}: not a list of sums: get the model again") from error
    if set(sums) != {CARD, CONFIG, WEIGHTS}:
        raise ModelFormatError(
            f"{path}: must list {CARD}, {CONFIG} and {WEIGHTS}, got {', '.join(map(ascii, sorted(sums))) or 'nothing'}"
        )
    return sums


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path}: no JSON: {_shown(error)}") from error
    found = config.get("format") if isinstance(config, dict) else None
    if found != FORMAT_VERSION:
        raise ModelFormatError(
            f"{path}: has format {_shown(repr(found))}, this version reads {FORMAT_VERSION}: retrain with train.py"
        )
    return cast("dict[str, Any]", config)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError

    try:
        return _map_arrays(path)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFormatError(f"{path}: no weights: {_shown(error)}") from error


_DTYPES = {
    "F32": np.float32,
    "I8": np.int8,
    "U8": np.uint8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "U32": np.uint32,
    "U64": np.uint64,
}


def _map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map the tensors of a safetensors file, header checked by its own library, without reading them into memory."""
    from safetensors import safe_open

    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > _LARGEST_HEADER_BYTES:
        raise ValueError(f"a header of {size} bytes, more than {_LARGEST_HEADER_BYTES}")
    with safe_open(path, framework="numpy") as checked:
        names = list(checked.keys())
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    header = json.loads(raw[8 : 8 + size].tobytes())
    return {name: _map_array(raw[8 + size :], header[name]) for name in names}


def _map_array(raw: NDArray[np.uint8], entry: Mapping[str, Any]) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    return np.asarray(raw[begin:end]).view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _scorer(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Scorer:
    settings = Config.from_dict(config["configuration"])
    if config["normalizer"] != normalizer_hash(settings):
        raise ValueError("made with other normalization tables: retrain with train.py")
    tasks, first = {}, 0
    for entry in config["tasks"]:
        task = _task(entry, arrays, first)
        if task.name in tasks:
            raise ValueError(f"task {task.name!a} is there twice")
        tasks[task.name] = task
        first = task.columns.stop
    if not tasks:
        raise ValueError("there is no task")
    blocks = tuple(
        Block(b, _array(arrays, f"block{i}.keys", np.int64, 1), _array(arrays, f"block{i}.idf", np.float32, 1))
        for i, b in enumerate(settings.blocks)
    )
    coefs = tuple(_array(arrays, f"block{i}.coef", np.int8, 2) for i in range(len(blocks)))
    scales = tuple(_array(arrays, f"block{i}.scale", np.float32, 1) for i in range(len(blocks)))
    gazetteer = None
    if any(name.startswith("gazetteer.") for name in arrays):
        gazetteer = Gazetteer.from_arrays({n[10:]: a for n, a in arrays.items() if n.startswith("gazetteer.")})
    scorer = Scorer(settings, blocks, coefs, scales, _array(arrays, "intercepts", np.float32, 1), tasks, gazetteer)
    _check_shapes(scorer, first)
    if foreign := sorted(arrays.keys() - _arrays(scorer).keys()):
        raise ValueError(f"foreign array {foreign[0]!a}")
    return scorer


def _array(arrays: Mapping[str, NDArray[Any]], name: str, dtype: type, ndim: int) -> NDArray[Any]:
    array = arrays[name]
    if array.dtype != dtype or array.ndim != ndim:
        raise ValueError(f"{name} must be {np.dtype(dtype)} of {ndim} dimensions, got {array.dtype} of {array.ndim}")
    if array.dtype.kind == "f" and not (np.abs(array) <= _LARGEST_NUMBER).all():
        raise ValueError(f"{name} holds NaN, infinity or a number beyond {_LARGEST_NUMBER:g}")
    return array


def _task(entry: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], first: int) -> Task:
    name = entry["name"]
    labels = _codes(entry["labels"], f"labels of {name!a}")
    heads = _heads(entry["heads"], labels, name)
    place = order = None
    if entry["place"] is not None:
        place, order = (_place_head(f"{kind}.{name}", entry[kind], arrays) for kind in ("place", "order"))
        if not set(heads) <= {*labels, NONE}:
            raise ValueError(f"task {name!a} has heads that are none of its labels")
    elif heads not in (labels, labels * 2) or not labels:
        raise ValueError(f"task {name!a} must have a head a label, or two")
    columns = slice(first, first + len(heads))
    (name,) = _codes([name], "name of a task")
    return Task(name, labels, heads, columns, _calibration(entry, labels), place, order)


def _codes(values: object, what: str) -> tuple[str, ...]:
    """Check a list of distinct strings that can be written as UTF-8."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{what} must be strings")
    if len(set(values)) != len(values):
        raise ValueError(f"{what} must be distinct")
    "".join(values).encode()
    return tuple(values)


def _heads(values: object, labels: tuple[str, ...], name: object) -> tuple[str, ...]:
    """Check the heads of a task: distinct, but that all labels may be there twice, one after the other."""
    if isinstance(values, list) and tuple(values) == labels * 2:
        return labels * 2
    return _codes(values, f"heads of {name!a}")


def _place_head(name: str, entry: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> PlaceHead:
    weights = _array(arrays, name, np.float32, 1)
    if len(weights) != len(PLACE_FEATURES):
        raise ValueError(f"{name!a} has {len(weights)} weights, not {len(PLACE_FEATURES)}")
    return PlaceHead(weights, *(_number(entry[key], f"{key} of {name!a}") for key in _PLACE_NUMBERS))


def _calibration(entry: Mapping[str, Any], labels: tuple[str, ...]) -> Calibration:
    c, of_task = entry["calibration"], f"of {entry['name']!a}"
    thresholds = [_number(t, f"a threshold {of_task}") for t in c["thresholds"]]
    if len(thresholds) != len(labels) or not all(0 <= t <= 1 for t in thresholds):
        raise ValueError(f"thresholds {of_task} must be a number of 0 to 1 for each label")
    top, lead, offset = (_number(weight, f"first {of_task}") for weight in c["first"])
    most = c["max_labels"]
    if type(most) is not int or not 1 <= most <= len(labels):
        raise ValueError(f"max_labels {of_task} must be 1 to {len(labels)}, got {most!r:.40}")
    return Calibration(
        slope=_number(c["slope"], f"slope {of_task}"),
        intercept=_number(c["intercept"], f"intercept {of_task}"),
        first=(top, lead, offset),
        thresholds=np.array(thresholds, dtype=np.float32),
        always_first=c["always_first"] is True,
        max_labels=most,
    )


def _number(value: object, what: str) -> float:
    if type(value) not in (int, float) or not abs(cast("float", value)) <= _LARGEST_NUMBER:
        raise ValueError(f"{what} must be a finite number, got {value!r:.40}")
    return float(cast("float", value))


def _check_shapes(scorer: Scorer, n_heads: int) -> None:
    if scorer.intercepts.shape != (n_heads,):
        raise ValueError(f"intercepts has {len(scorer.intercepts)} entries for {n_heads} heads")
    for i, (block, coef, scale) in enumerate(zip(scorer.blocks, scorer.coefs, scorer.scales, strict=True)):
        n_columns = len(scorer.columns_of(block.config))
        if (
            block.idf.shape != block.keys.shape
            or coef.shape != (len(block.keys), n_columns)
            or scale.shape != (n_columns,)
        ):
            raise ValueError(f"block {i}: keys, idf, coef and scale have shapes that do not fit its heads")
        if len(block.keys) and (block.keys[0] <= 0 or (block.keys[1:] <= block.keys[:-1]).any()):
            raise ValueError(f"block {i}: keys must be positive and ascending")
    countries = set(scorer.gazetteer.countries) if scorer.gazetteer is not None else None
    for task in scorer.tasks.values():
        if task.place is not None and (countries is None or not countries <= set(task.labels)):
            raise ValueError(f"task {task.name!r} needs a gazetteer whose countries are among its labels")
    if countries is None and any(block.config.analyzer == "stem" for block in scorer.blocks):
        raise ValueError("a block of stems masks the names of a gazetteer, and there is none")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
