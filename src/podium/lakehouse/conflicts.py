"""Telling that a write failed because another writer committed first. Nothing of such a write is in the table."""

import re

from deltalake.exceptions import CommitFailedError
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

__all__ = ["is_conflict"]

# The error conditions of Delta on Spark, with or without a subcondition (DELTA_CONCURRENT_APPEND.WITHOUT_HINT).
CONDITION = re.compile(r"DELTA_(CONCURRENT_\w+|METADATA_CHANGED|PROTOCOL_CHANGED)\b")
# PySpark 4.2 gives classic Spark's error as a Java exception, without its condition but in its text.
JAVA = re.compile(rf"io\.delta\.exceptions\.\w+: \[{CONDITION.pattern}")
# Sail 0.7.2 has no conditions, only these sentences.
SAIL = re.compile(r"(Failed to commit transaction: \d+|Missing commit file(: expected | for version | while ))")


def is_conflict(error: BaseException) -> bool:
    """Whether another writer was first, so that the same write may succeed when it is tried again."""
    if isinstance(error, Py4JJavaError):
        return JAVA.search(str(error)) is not None
    if isinstance(error, PySparkException):
        condition = error.getCondition()
        return CONDITION.match(condition) is not None if condition else SAIL.match(str(error)) is not None
    return isinstance(error, CommitFailedError)
