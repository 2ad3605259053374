"""Return types of ``preview`` methods. kedro-viz chooses how to show a preview by the name of this type.

kedro-datasets has types with these names too, but only in a private module.
"""

from typing import Any, NewType

__all__ = ["HTMLPreview", "JSONPreview", "TablePreview"]

TablePreview = NewType("TablePreview", dict[str, Any])
JSONPreview = NewType("JSONPreview", str)
HTMLPreview = NewType("HTMLPreview", str)
