"""Object stores as Spark and the libraries beside it see them: their words for a path, and their settings.

Credentials and options are the standard variables of the stores' own makers, such as AWS_ACCESS_KEY_ID: every engine
and library reads them from the environment, and no secret stands on a command line or in a log.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping

__all__ = ["LOG_STORE", "S3", "complete", "spark_location", "store_settings", "stores"]

S3 = ("s3://", "s3a://")
NAMES = {"s3": "s3", "s3a": "s3", "abfs": "abfss", "abfss": "abfss", "gs": "gs"}
# Delta's own way to commit on S3 loses commits when two processes write; ours writes on condition, as Sail does.
LOG_STORE = {f"spark.delta.logStore.{scheme}.impl": "podium.lakehouse.S3Commits" for scheme in ("s3", "s3a")}
# Where no region means anything, something has to be signed all the same.
ANY_REGION = "us-east-1"
# A store that does not answer is an error within a minute; Hadoop's own values make it a quarter of an hour.
PATIENCE = {
    "spark.hadoop.fs.s3a.attempts.maximum": "1",
    "spark.hadoop.fs.s3a.retry.limit": "2",
    "spark.hadoop.fs.s3a.connection.establish.timeout": "15s",
    "spark.hadoop.fs.s3a.connection.timeout": "30s",
}


def stores(roots: Iterable[str]) -> tuple[str, ...]:
    """The object stores among the places that an environment uses."""
    return tuple(sorted({NAMES[scheme] for root in roots if (scheme := root.partition("://")[0]) in NAMES}))


def complete(environment: MutableMapping[str, str] = os.environ) -> None:
    """Add what follows from the variables of S3 that are set, in the words of those that read no others.

    A server of one's own (AWS_ENDPOINT_URL) may be without encryption, and its region is rarely looked at.
    """
    endpoint = environment.get("AWS_ENDPOINT_URL")
    if endpoint and endpoint.startswith("http://"):
        environment.setdefault("AWS_ALLOW_HTTP", "true")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or (ANY_REGION if endpoint else "")
    if region:
        environment.setdefault("AWS_REGION", region)


def spark_location(path: str) -> str:
    """Spark's word for a path: ``s3a://`` for ``s3://``."""
    return f"s3a://{path.partition('://')[2]}" if path.startswith(S3) else path


def store_settings(stores: Iterable[str]) -> dict[str, str]:
    """Spark settings for these object stores."""
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
