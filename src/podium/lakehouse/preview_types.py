"""Return types of ``preview`` methods. kedro-viz chooses how to show a preview by the name of its type.

kedro-datasets has types of these names, but only in a private module.
"""

from typing import Any, NewType

__all__ = ["HTMLPreview", "JSONPreview", "TablePreview"]

TablePreview = NewType("TablePreview", dict[str, Any])
JSONPreview = NewType("JSONPreview", str)
HTMLPreview = NewType("HTMLPreview", str)
