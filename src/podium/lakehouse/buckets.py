"""Buckets of S3: opened with limits, and looked at before anything depends on them.

Engines and libraries meet a store that does not answer, a wrong key or a missing bucket each in words of their own, and
some of them after minutes. The look is two or three requests, once for each bucket in a process.
"""

from __future__ import annotations

import os
import re

from pyarrow import fs

from podium.lakehouse.engines.stores import S3
from podium.lakehouse.errors import LakehouseError

__all__ = ["is_bucket", "open_bucket", "require_bucket", "trouble"]

CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 5, 10, 2
# How pyarrow 25 words an error of S3: its code, and the HTTP status where the code is unknown.
ERROR = re.compile(r"AWS Error (?P<code>\w+)(?: \(HTTP status (?P<status>\d+)\))?")
REFUSED = {"ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "INVALID_CLIENT_TOKEN_ID", "SIGNATURE_DOES_NOT_MATCH"}
KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

_good: set[tuple[str | None, str]] = set()


def is_bucket(url: str) -> bool:
    """Whether this is a place in a bucket."""
    return url.startswith(S3)


def open_bucket(url: str) -> tuple[fs.FileSystem, str]:
    """The file system of a bucket, and what it calls this place in it."""
    store = fs.S3FileSystem(
        endpoint_override=os.environ.get("AWS_ENDPOINT_URL"),
        region=os.environ.get("AWS_REGION"),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )
    return store, url.partition("://")[2].rstrip("/")


def require_bucket(url: str) -> None:
    """Refuse a place that cannot be worked with; a bucket that was found good is not asked again.

    Raises:
        LakehouseError: nobody answers, the key is refused, or there is no such bucket.
    """
    this = (os.environ.get("AWS_ENDPOINT_URL"), url.split("/")[2])
    if this not in _good:
        if wrong := trouble(url):
            raise LakehouseError(wrong)
        _good.add(this)


def trouble(url: str) -> str | None:
    """What is wrong with a place in a bucket, in words; None where nothing is."""
    store, path = open_bucket(url)
    bucket = path.partition("/")[0]
    try:
        if store.get_file_info(path).type != fs.FileType.NotFound:
            return None
    except OSError as wrong:
        return _in_words(url, wrong)
    try:
        found = store.get_file_info(bucket).type != fs.FileType.NotFound
    except OSError:
        # Who may list a part of a bucket only may not ask for the whole.
        return None
    return None if found else f"There is no bucket {bucket} {_at()}: make it, or name another root than {url}."


def _in_words(url: str, wrong: OSError) -> str:
    found = ERROR.search(str(wrong))
    if found and found["code"] in REFUSED:
        return (
            f"The object store {_at()} refuses the key for {url}. See {KEYS} (in credentials, under storage), and that "
            f"they may list, read and write there: {wrong}"
        )
    if found and found["status"]:
        return (
            f"The object store {_at()} answers with HTTP status {found['status']} for {url}. See that "
            f"AWS_ENDPOINT_URL and AWS_REGION are those of the bucket, and the store's own log: {wrong}"
        )
    return f"No object store answers {_at()} for {url}. See AWS_ENDPOINT_URL, AWS_REGION and the network: {wrong}"


def _at() -> str:
    endpoint, region = os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_REGION")
    return f"at {endpoint}" if endpoint else f"of S3 in {region or 'the default region'}"
