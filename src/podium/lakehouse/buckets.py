"""Open S3 buckets with timeouts, and check that a bucket can be used before a run starts to use it.

Every engine and library has its own words for an unreachable store, a wrong key or a missing bucket, and some of them
take minutes to report it. The check takes two or three requests, once per bucket and process.
"""

from __future__ import annotations

import os
import re

from pyarrow import fs

from podium.lakehouse.engines.stores import S3
from podium.lakehouse.errors import LakehouseError

__all__ = ["is_bucket", "open_bucket", "require_bucket", "trouble"]

CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 5, 10, 2
# Matches an S3 error in the text of pyarrow 25: the error's code and, if the code is unknown, the HTTP status.
ERROR = re.compile(r"AWS Error (?P<code>\w+)(?: \(HTTP status (?P<status>\d+)\))?")
REFUSED = {"ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "INVALID_CLIENT_TOKEN_ID", "SIGNATURE_DOES_NOT_MATCH"}
KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

_good: set[tuple[str | None, str]] = set()


def is_bucket(url: str) -> bool:
    """Whether a URL is in an S3 bucket."""
    return url.startswith(S3)


def open_bucket(url: str) -> tuple[fs.FileSystem, str]:
    """The file system of an S3 bucket, and the path of the URL in that file system."""
    store = fs.S3FileSystem(
        endpoint_override=os.environ.get("AWS_ENDPOINT_URL"),
        region=os.environ.get("AWS_REGION"),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )
    return store, url.partition("://")[2].rstrip("/")


def require_bucket(url: str) -> None:
    """Raise if a URL's bucket cannot be used. A bucket that passed the check is not checked again in this process.

    Raises:
        LakehouseError: the store does not answer, refuses the key, or has no such bucket.
    """
    this = (os.environ.get("AWS_ENDPOINT_URL"), url.split("/")[2])
    if this not in _good:
        if wrong := trouble(url):
            raise LakehouseError(wrong)
        _good.add(this)


def trouble(url: str) -> str | None:
    """Describe why a URL's bucket cannot be used. None if it can."""
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
        # Ignore this error, because it does not show that the bucket is missing: credentials that may read only one
        # prefix cannot look up the bucket itself.
        return None
    return None if found else f"There is no bucket {bucket} {_at()}. Create it, or name another root than {url}."


def _in_words(url: str, wrong: OSError) -> str:
    found = ERROR.search(str(wrong))
    if found and found["code"] in REFUSED:
        return (
            f"The object store {_at()} refuses the key for {url}. Check {KEYS} (in the credentials, under storage), "
            f"and that this key may list, read and write there. The error: {wrong}"
        )
    if found and found["status"]:
        return (
            f"The object store {_at()} answers with HTTP status {found['status']} for {url}. Check that "
            f"AWS_ENDPOINT_URL and AWS_REGION are those of the bucket, and see the store's own log. The error: {wrong}"
        )
    return (
        f"No object store answers {_at()} for {url}. Check AWS_ENDPOINT_URL, AWS_REGION and the network. "
        f"The error: {wrong}"
    )


def _at() -> str:
    endpoint, region = os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_REGION")
    return f"at {endpoint}" if endpoint else f"at AWS S3 in {region or 'the default region'}"
