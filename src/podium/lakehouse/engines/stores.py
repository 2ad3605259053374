"""Object stores as Spark sees them: its name for a path, its settings, and what two writers need there."""

from __future__ import annotations

import os

from podium.lakehouse.errors import LakehouseError

from .settings import EngineSettings

__all__ = ["spark_location", "store_settings", "stores"]

S3 = ("s3://", "s3a://")
NAMES = {"s3": "s3", "s3a": "s3", "abfs": "abfss", "abfss": "abfss", "gs": "gs"}


def stores(settings: EngineSettings) -> tuple[str, ...]:
    """The object stores among the places that an environment uses."""
    return tuple(sorted({NAMES[scheme] for root in settings.roots if (scheme := root.partition("://")[0]) in NAMES}))


def spark_location(path: str, settings: EngineSettings) -> str:
    """Spark's word for a path.

    Raises:
        LakehouseError: for S3 where nothing says how writers are kept apart: Spark's commits overwrite others.
    """
    if not path.startswith(S3):
        return path
    if settings.s3_commits is None:
        raise LakehouseError(
            f"{path}: two Spark writers would overwrite each other's commits on S3. Say in spark.yml how they are kept "
            "apart: s3_commits: lock_table (Delta's table in DynamoDB), or s3_commits: one_writer (there is never more "
            "than one)."
        )
    return f"s3a://{path.partition('://')[2]}"


def store_settings(settings: EngineSettings) -> dict[str, str]:
    """Spark settings for the object stores in use. Secrets stay in the environment, where the JVM finds them."""
    if "s3" not in stores(settings):
        return {}
    config = {}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        config["spark.hadoop.fs.s3a.endpoint"] = endpoint
        config["spark.hadoop.fs.s3a.path.style.access"] = "true"
        config["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https")).lower()
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        config["spark.hadoop.fs.s3a.endpoint.region"] = region
    if settings.s3_commits == "lock_table":
        log_store = "io.delta.storage.S3DynamoDBLogStore"
        config |= {
            "spark.delta.logStore.s3.impl": log_store,
            "spark.delta.logStore.s3a.impl": log_store,
            "spark.io.delta.storage.S3DynamoDBLogStore.ddb.tableName": settings.lock_table,
        }
        if region:
            config["spark.io.delta.storage.S3DynamoDBLogStore.ddb.region"] = region
    return config
