"""The return types by whose names kedro-viz decides how to show a dataset's preview.

kedro-datasets has types of these names, but only in a private module.
"""

from typing import Any, NewType

__all__ = ["HTMLPreview", "JSONPreview", "TablePreview"]

TablePreview = NewType("TablePreview", dict[str, Any])
JSONPreview = NewType("JSONPreview", str)
HTMLPreview = NewType("HTMLPreview", str)
