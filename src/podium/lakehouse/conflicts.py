"""Recognise a write that failed because another writer committed first. Such a write leaves nothing in the table."""

import re

from deltalake.exceptions import CommitFailedError
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

__all__ = ["is_conflict"]

# Delta on Spark reports a conflict by one of these error conditions, sometimes with a subcondition
# (DELTA_CONCURRENT_APPEND.WITHOUT_HINT).
CONDITION = re.compile(r"DELTA_(CONCURRENT_\w+|METADATA_CHANGED|PROTOCOL_CHANGED)\b")
# PySpark 4.2 raises classic Spark's conflict as a Java exception, with the condition only in its text.
JAVA = re.compile(rf"io\.delta\.exceptions\.\w+: \[{CONDITION.pattern}")
# Sail 0.7.2 reports a conflict only by these sentences, without an error condition.
SAIL = re.compile(r"(Failed to commit transaction: \d+|Missing commit file(: expected | for version | while ))")


def is_conflict(error: BaseException) -> bool:
    """Whether a write failed because another writer committed first, so that a retry may succeed."""
    if isinstance(error, Py4JJavaError):
        return JAVA.search(str(error)) is not None
    if isinstance(error, PySparkException):
        condition = error.getCondition()
        return CONDITION.match(condition) is not None if condition else SAIL.match(str(error)) is not None
    return isinstance(error, CommitFailedError)
