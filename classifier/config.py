"""How a model is made: frozen dataclasses, read from the presets of the package or from a TOML file."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Self, cast, get_args, get_origin, get_type_hints

from classifier.errors import ConfigError

__all__ = ["BlockConfig", "Config", "HeadConfig", "PlaceConfig"]

ZONES = ("title", "lead", "page")
LONGEST_NGRAM = {"char_wb": 9, "stem": 2, "lexicon": 2}
_LARGEST = 1e6
"""Of weights and lengths; what is beyond it is a mistake, and might overflow."""
_TYPE_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", type(None): "none"}


class _FromDict:
    """Builds a dataclass from plain values and names the near match of an unknown key."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values, lists for tuples.

        Raises
        ------
        ConfigError
            If a key is unknown or missing, or a value is of another type or out of range.
        """
        hints = get_type_hints(cls)
        known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ConfigError(f"{cls.__name__} has no key {key!r}, only {', '.join(known)}{hint}")
        for f in fields(cls):  # type: ignore[arg-type]
            needed = f.default is MISSING and f.default_factory is MISSING
            _require(f.name in values or not needed, f.name, f"given for {cls.__name__}", None)
        return cls(**{key: _plain(value, hints[key], key) for key, value in values.items()})


def _plain(value: Any, hint: Any, name: str) -> Any:  # noqa: ANN401  (a parsed TOML value is any)
    """Return `value` as the type `hint` wants it; whole numbers are floats too, but nothing else is taken for another."""
    if get_origin(hint) is tuple:
        return _tuple(value, get_args(hint), name)
    kinds = get_args(hint) or (hint,)
    for kind in kinds:
        if isinstance(value, Mapping) and issubclass(kind, _FromDict):
            return kind.from_dict(value)
    if float in kinds and type(value) is int:
        return float(value)
    _require(type(value) in kinds, name, " or ".join(_TYPE_NAMES.get(kind, "a table") for kind in kinds), value)
    return value


def _tuple(value: object, items: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    _require(isinstance(value, list | tuple), name, "a list", value)
    values = list(cast("Sequence[object]", value))
    if items[-1] is ...:
        return tuple(_plain(v, items[0], f"{name}[{i}]") for i, v in enumerate(values))
    _require(len(values) == len(items), name, f"a list of {len(items)}", value)
    return tuple(_plain(v, item, f"{name}[{i}]") for i, (v, item) in enumerate(zip(values, items, strict=True)))


def _require(holds: bool, name: str, allowed: str, got: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {allowed}, got {got!r}")


@dataclass(frozen=True, slots=True)
class BlockConfig(_FromDict):
    """One block of n-gram features: a zone of the article and how its n-grams are weighted.

    Parameters
    ----------
    zone : {"title", "lead", "page"}
        Headline (of an untitled article its first `untitled_characters`); headline and the first
        `lead_characters` of the text; all of it.
    analyzer : {"char_wb", "stem", "lexicon"}
        N-grams of characters within words; or of stems, with the gazetteer's names of places and people replaced by
        their kinds, then `ngram_range` is within 1..2; or of the stems that the lexicon of topics holds, names
        included, whose weights are learned through their topics.
    weight : float
        Length of the block's part of the feature vector, above 0.
    ngram_range, min_df, max_features, sublinear_tf
        As in `CharNgramTfidf`.
    tasks, except_tasks : tuple of str
        The tasks that have weights in this block, empty for all; and those that don't.
    as_written : bool
        Read characters as they are written, vowel marks and punctuation included, not normalized: what tells outlets
        apart, where labels hang on them. Not for stems.
    keep : int or None
        Of all n-grams keep so many, those whose weights in a first fit move the scores most; None for all.
    """

    zone: str
    analyzer: str = "char_wb"
    weight: float = 1.0
    ngram_range: tuple[int, int] = (2, 5)
    min_df: int = 2
    max_features: int | None = None
    sublinear_tf: bool = True
    tasks: tuple[str, ...] = ()
    except_tasks: tuple[str, ...] = ()
    as_written: bool = False
    keep: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.zone in ZONES, "zone", f"one of {', '.join(ZONES)}", self.zone)
        _require(0 < self.weight <= _LARGEST, "weight", f"above 0 and at most {_LARGEST:g}", self.weight)
        _require(self.analyzer in LONGEST_NGRAM, "analyzer", f"one of {', '.join(LONGEST_NGRAM)}", self.analyzer)
        (low, high), most = self.ngram_range, LONGEST_NGRAM[self.analyzer]
        of_analyzer = f"1 <= min <= max <= {most} for analyzer {self.analyzer!r}"
        _require(1 <= low <= high <= most, "ngram_range", of_analyzer, self.ngram_range)
        _require(self.min_df >= 1, "min_df", "at least 1", self.min_df)
        if self.reads_stems:
            _require(not self.as_written, "as_written", f"false for analyzer {self.analyzer!r}", self.as_written)
        if self.analyzer == "lexicon":
            _require(self.keep is None, "keep", "none for analyzer 'lexicon'", self.keep)
        if self.max_features is not None:
            _require(self.max_features >= 1, "max_features", "at least 1", self.max_features)

    @property
    def reads_stems(self) -> bool:
        """Whether its features are stems."""
        return self.analyzer != "char_wb"

    def is_for(self, task: str) -> bool:
        """Tell whether a task has weights in this block."""
        return task not in self.except_tasks and (not self.tasks or task in self.tasks)


@dataclass(frozen=True, slots=True)
class HeadConfig(_FromDict):
    """How the linear heads are fitted.

    Parameters
    ----------
    C : float
        Inverse strength of regularization.
    max_iter, tol
        As in `fit_heads`.
    folds : int
        Held-out folds for calibration and thresholds, at least 2.
    positive_cost, secondary_cost : float
        For the heads that say which label is primary: how much an article counts for its primary label, and against
        its secondary labels, above 0; an article that lacks a label counts 1 against it.
    balance : float
        Articles count (mean class size / size of their primary label's class) to this power, 0..1.
    min_articles : int
        Labels of a task with place mentions need so many articles for n-gram weights of their own.
    """

    C: float = 1.0
    max_iter: int = 12
    tol: float = 0.05
    folds: int = 5
    positive_cost: float = 1.0
    secondary_cost: float = 1.0
    balance: float = 0.0
    min_articles: int = 20

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(0 < self.C <= _LARGEST, "C", f"above 0 and at most {_LARGEST:g}", self.C)
        _require(self.folds >= 2, "folds", "at least 2", self.folds)
        _require(self.positive_cost > 0, "positive_cost", "above 0", self.positive_cost)
        _require(self.secondary_cost > 0, "secondary_cost", "above 0", self.secondary_cost)
        _require(0 <= self.balance <= 1, "balance", "in 0..1", self.balance)
        _require(self.max_iter >= 1, "max_iter", "at least 1", self.max_iter)


@dataclass(frozen=True, slots=True)
class PlaceConfig(_FromDict):
    """Which tasks use place mentions: their labels must be country codes."""

    tasks: tuple[str, ...] = ("country",)


@dataclass(frozen=True, slots=True)
class Config(_FromDict):
    """A whole configuration.

    Parameters
    ----------
    blocks : tuple of BlockConfig
    heads : HeadConfig
    places : PlaceConfig or None
        None for n-grams alone.
    lead_characters, untitled_characters : int
        Lengths of zones, counted in normalized characters.
    seed : int
    """

    blocks: tuple[BlockConfig, ...] = (BlockConfig(zone="page"),)
    heads: HeadConfig = field(default_factory=HeadConfig)
    places: PlaceConfig | None = None
    lead_characters: int = 600
    untitled_characters: int = 80
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that there is something to learn from, and the ranges."""
        _require(len(self.blocks) > 0, "blocks", "at least one", self.blocks)
        for name in ("lead_characters", "untitled_characters"):
            _require(1 <= getattr(self, name) <= _LARGEST, name, f"1 to {_LARGEST:.0f}", getattr(self, name))
        _require(0 <= self.seed < 2**63, "seed", "0 or more", self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def replace_seed(self, seed: int) -> "Config":
        """Return a copy with another seed."""
        return replace(self, seed=seed)

    def needs_gazetteer(self, tasks: Collection[str]) -> bool:
        """Tell whether any of `tasks` is about places, or any block masks names."""
        has_places = self.places is not None and not set(tasks).isdisjoint(self.places.tasks)
        return has_places or any(block.analyzer == "stem" for block in self.blocks)

    def for_tasks(self, tasks: Collection[str]) -> "Config":
        """Return a copy without the blocks that none of `tasks` uses.

        Raises
        ------
        ConfigError
            If no block is left.
        """
        blocks = tuple(b for b in self.blocks if any(map(b.is_for, tasks)))
        _require(len(blocks) > 0, "blocks", f"at least one for {', '.join(tasks)}", self.blocks)
        return replace(self, blocks=blocks)

    @classmethod
    def from_preset(cls, name: str) -> "Config":
        """Read a configuration of the package: ``"news"`` or ``"char"``.

        Raises
        ------
        ConfigError
            If there is no such preset.
        """
        folder = files("classifier").joinpath("presets")
        names = sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))
        _require(name in names, "preset", f"one of {', '.join(names)}", name)
        return cls.from_dict(tomllib.loads(folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")))

    @classmethod
    def from_file(cls, path: str | Path) -> "Config":
        """Read a TOML file of the presets' form.

        Raises
        ------
        ConfigError
            If it can't be read, is no TOML, or holds an unknown key or value.
        """
        try:
            return cls.from_dict(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:  # of UTF-8, of TOML, of what it says
            raise ConfigError(f"{path}: not a configuration: {error}") from error
