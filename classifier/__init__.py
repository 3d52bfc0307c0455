"""Label Arabic news articles by topic and region.

Names are imported when first used, so that ``import classifier`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifier.article import Article as Article
    from classifier.errors import ClassifierError as ClassifierError
    from classifier.features import CharNgramTfidf as CharNgramTfidf
    from classifier.normalize import normalize_text as normalize_text

_HOME = {
    "Article": "article",
    "CharNgramTfidf": "features",
    "ClassifierError": "errors",
    "normalize_text": "normalize",
}
__all__ = ["Article", "CharNgramTfidf", "ClassifierError", "normalize_text"]


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module 'classifier' has no attribute {name!r}")
    return getattr(import_module(f"classifier.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
