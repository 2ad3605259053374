"""Object stores: convert paths to Spark's form, and configure Spark and the other libraries that use the stores.

Credentials and options are the stores' standard environment variables, such as AWS_ACCESS_KEY_ID. Every engine and
library reads them from there, so no secret appears on a command line or in a log.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping

__all__ = ["LOG_STORE", "S3", "complete", "spark_location", "store_settings", "stores"]

S3 = ("s3://", "s3a://")
NAMES = {"s3": "s3", "s3a": "s3", "abfs": "abfss", "abfss": "abfss", "gs": "gs"}
# Delta's default way to commit on S3 loses commits if two processes write at the same time. Podium's own class
# S3Commits prevents this with conditional writes, as Sail does.
LOG_STORE = {f"spark.delta.logStore.{scheme}.impl": "podium.lakehouse.S3Commits" for scheme in ("s3", "s3a")}
# The region for stores that have no regions: without a region, no request can be signed.
ANY_REGION = "us-east-1"
# Fail within a minute if a store does not answer. Hadoop's defaults would take a quarter of an hour to fail.
PATIENCE = {
    "spark.hadoop.fs.s3a.attempts.maximum": "1",
    "spark.hadoop.fs.s3a.retry.limit": "2",
    "spark.hadoop.fs.s3a.connection.establish.timeout": "15s",
    "spark.hadoop.fs.s3a.connection.timeout": "30s",
}


def stores(roots: Iterable[str]) -> tuple[str, ...]:
    """The kinds of object store in which an environment has roots, such as ``s3``. Local folders are left out."""
    return tuple(sorted({NAMES[scheme] for root in roots if (scheme := root.partition("://")[0]) in NAMES}))


def complete(environment: MutableMapping[str, str] = os.environ) -> None:
    """Derive missing S3 environment variables from those that are set, because each library reads different ones.

    If AWS_ENDPOINT_URL names a server, plain HTTP is allowed if its URL says so, and AWS_REGION gets a default.
    """
    endpoint = environment.get("AWS_ENDPOINT_URL")
    if endpoint and endpoint.startswith("http://"):
        environment.setdefault("AWS_ALLOW_HTTP", "true")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or (ANY_REGION if endpoint else "")
    if region:
        environment.setdefault("AWS_REGION", region)


def spark_location(path: str) -> str:
    """Convert a path to Spark's form: ``s3://`` becomes ``s3a://``."""
    return f"s3a://{path.partition('://')[2]}" if path.startswith(S3) else path


def store_settings(stores: Iterable[str]) -> dict[str, str]:
    """The Spark settings for the given object stores."""
    if "s3" not in stores:
        return {}
    config = {
        **LOG_STORE,
        **PATIENCE,
        "spark.hadoop.fs.s3a.aws.credentials.provider": (
            "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
        ),
    }
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        config["spark.hadoop.fs.s3a.endpoint"] = endpoint
        config["spark.hadoop.fs.s3a.path.style.access"] = "true"
        config["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https")).lower()
    if region := os.environ.get("AWS_REGION"):
        config["spark.hadoop.fs.s3a.endpoint.region"] = region
    return config
