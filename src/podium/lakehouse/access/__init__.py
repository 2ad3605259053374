"""Read and enforce the access rules: who may read and write which zone, and which columns are masked.

On a local disk this is only a guard rail, because a user who can open the files can read them. The real boundary is
Unity Catalog, the object store's own permissions, or file permissions.
"""

from .guard import (
    AccessError,
    Grant,
    Refusal,
    Wish,
    configure,
    current,
    masked,
    masked_rows,
    on_refusal,
    preflight,
    require,
)
from .policy import Policy, load_policy
from .rules import ZONES, AccessRules, read_rules

__all__ = [
    "ZONES",
    "AccessError",
    "AccessRules",
    "Grant",
    "Policy",
    "Refusal",
    "Wish",
    "configure",
    "current",
    "load_policy",
    "masked",
    "masked_rows",
    "on_refusal",
    "preflight",
    "read_rules",
    "require",
]
