"""Recognise a write that failed because another writer committed first. Such a write changed nothing."""

import re

from deltalake.exceptions import CommitFailedError
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

__all__ = ["is_conflict"]

# Delta on Spark reports a conflict between two writers by one of these error conditions. Some have a subcondition, such
# as DELTA_CONCURRENT_APPEND.WITHOUT_HINT.
CONDITION = re.compile(r"DELTA_(CONCURRENT_\w+|METADATA_CHANGED|PROTOCOL_CHANGED)\b")
# Without Spark Connect, PySpark 4.2 raises a write conflict as a Java exception. Only the text of this exception names
# the error condition.
JAVA = re.compile(rf"io\.delta\.exceptions\.\w+: \[{CONDITION.pattern}")
# Sail 0.7.2 sets no error condition for a conflict between two writers, so match the text of the error.
SAIL = re.compile(r"(Failed to commit transaction: \d+|Missing commit file(: expected | for version | while ))")


def is_conflict(error: BaseException) -> bool:
    """Whether a write failed because another writer committed first, so that a retry may succeed."""
    if isinstance(error, Py4JJavaError):
        return JAVA.search(str(error)) is not None
    if isinstance(error, PySparkException):
        condition = error.getCondition()
        return CONDITION.match(condition) is not None if condition else SAIL.match(str(error)) is not None
    return isinstance(error, CommitFailedError)
