"""How a model is made: frozen dataclasses, read from the presets of the package or from a TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Self, get_args, get_type_hints

from classifier.errors import ConfigError

__all__ = ["BlockConfig", "Config", "HeadConfig", "PlaceConfig"]

ZONES = ("title", "lead", "page")


class _FromDict:
    """Builds a dataclass from plain values and names the near match of an unknown key."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values, lists for tuples.

        Raises
        ------
        ConfigError
            If a key is unknown or a value out of range.
        """
        hints = get_type_hints(cls)
        known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ConfigError(f"{cls.__name__} has no key {key!r}, only {', '.join(known)}{hint}")
        return cls(**{key: _plain(value, hints[key]) for key, value in values.items()})


def _plain(value: Any, hint: Any) -> Any:  # noqa: ANN401  (a parsed TOML value is any)
    if isinstance(value, Mapping):
        section = next(h for h in (hint, *get_args(hint)) if is_dataclass(h))
        return section.from_dict(value)  # type: ignore[attr-defined]
    if isinstance(value, list):
        inner = get_args(hint)[0] if get_args(hint) else None
        return tuple(_plain(v, inner) for v in value)
    return value


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
    weight : float
        Length of the block's part of the feature vector, above 0.
    ngram_range, min_df, max_features, sublinear_tf
        As in `CharNgramTfidf`.
    tasks : tuple of str
        The tasks that have weights in this block; empty for all.
    """

    zone: str
    weight: float = 1.0
    ngram_range: tuple[int, int] = (2, 5)
    min_df: int = 2
    max_features: int | None = None
    sublinear_tf: bool = True
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.zone in ZONES, "zone", f"one of {', '.join(ZONES)}", self.zone)
        _require(self.weight > 0, "weight", "above 0", self.weight)
        low, high = self.ngram_range
        _require(1 <= low <= high <= 9, "ngram_range", "1 <= min <= max <= 9", self.ngram_range)
        _require(self.min_df >= 1, "min_df", "at least 1", self.min_df)


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
    min_articles : int
        Labels of a task with place mentions need so many articles for n-gram weights of their own.
    """

    C: float = 1.0
    max_iter: int = 12
    tol: float = 0.05
    folds: int = 5
    min_articles: int = 20

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.C > 0, "C", "above 0", self.C)
        _require(self.folds >= 2, "folds", "at least 2", self.folds)
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
        """Check that there is something to learn from."""
        _require(len(self.blocks) > 0, "blocks", "at least one", self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def replace_seed(self, seed: int) -> "Config":
        """Return a copy with another seed."""
        return replace(self, seed=seed)

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
            If it can't be read, is no TOML, or holds an unknown key.
        """
        try:
            return cls.from_dict(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
            raise ConfigError(f"{path}: not a configuration file: {error}") from error
