"""`Article`: what is labelled."""

from dataclasses import dataclass

from classifier.errors import InvalidTextError

__all__ = ["Article"]


@dataclass(frozen=True, slots=True)
class Article:
    """An article to label.

    Parameters
    ----------
    text : str
        The body.
    title : str
        The headline; may be empty.
    id : str or None
        The caller's own key.
    home : str or None
        A hint: the country of the outlet, an ISO 3166 alpha-2 code.

    Raises
    ------
    InvalidTextError
        If `text` or `title` is not a str.
    """

    text: str
    title: str = ""
    id: str | None = None
    home: str | None = None

    def __post_init__(self) -> None:
        for name in ("text", "title"):
            if not isinstance(getattr(self, name), str):
                raise InvalidTextError(f"Article.{name} must be str, got {getattr(self, name)!r:.40}")
