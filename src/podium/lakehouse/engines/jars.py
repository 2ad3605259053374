"""The jars that Spark needs for Delta tables and object stores: from Maven Central, or from a folder."""

import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from podium.lakehouse.errors import LakehouseError

__all__ = ["JARS", "S3_COMMITS", "jar_settings", "packages"]

# The environment variable that names a folder with the jars, for machines without access to Maven Central.
JARS = "PODIUM_JARS"
SCALA = "2.13"
# HADOOP is the version of the Hadoop jars in PySpark. AWS is the version of the AWS SDK that these Hadoop jars use.
HADOOP, AWS = "3.5.0", "2.35.4"
STORES = {
    "s3": (
        f"org.apache.hadoop:hadoop-aws:{HADOOP}",
        *(f"software.amazon.awssdk:{module}:{AWS}" for module in ("s3", "s3-transfer-manager", "sts")),
    ),
    "abfss": (f"org.apache.hadoop:hadoop-azure:{HADOOP}",),
    "gs": (f"org.apache.hadoop:hadoop-gcp:{HADOOP}",),
}
# Don't download these dependencies. Spark already has Hadoop's client and Netty, and the AWS bundle contains the SDK of
# every AWS service, of which only S3 and STS are used.
UNWANTED = (
    *("org.apache.hadoop:hadoop-client-api", "org.apache.hadoop:hadoop-client-runtime", "io.netty:*"),
    "software.amazon.awssdk:bundle",
)
# Podium's own jar, which makes Spark's commits on S3 atomic.
S3_COMMITS = Path(__file__).parent / "java" / "s3-commits.jar"


def packages(stores: Iterable[str] = ()) -> tuple[str, ...]:
    """The Maven coordinates of Delta for the installed Spark, and of the jars that the object stores need."""
    spark = ".".join(version("pyspark").split(".")[:2])
    delta = version("delta-spark")
    found = [f"io.delta:delta-spark_{spark}_{SCALA}:{delta}"]
    found += [package for store in stores for package in STORES[store]]
    return tuple(found)


def jar_settings(stores: Iterable[str] = ()) -> dict[str, str]:
    """The Spark settings that add the jars: from the folder that PODIUM_JARS names, otherwise from Maven Central.

    Raises:
        LakehouseError: the folder lacks some of the jars.
    """
    stores = tuple(stores)
    wanted = packages(stores)
    own = [S3_COMMITS] if "s3" in stores else []
    folder = os.environ.get(JARS)
    if not folder:
        fetched = {"spark.jars.packages": ",".join(wanted), "spark.jars.excludes": ",".join(UNWANTED)}
        return fetched | ({"spark.jars": ",".join(map(str, own))} if own else {})
    jars = sorted(Path(folder).glob("*.jar"))
    missing = [name for name in wanted if not any(jar.name.endswith(f"{_file(name)}.jar") for jar in jars)]
    if missing:
        raise LakehouseError(
            f"{JARS} names {folder}, which lacks {', '.join(f'{_file(name)}.jar' for name in missing)}. It must hold "
            f"these jars and their dependencies. Start Spark once without {JARS}, on a machine with access to Maven "
            "Central, then copy the jars from ~/.ivy2.5.2/jars."
        )
    return {"spark.jars": ",".join(str(jar.resolve()) for jar in [*jars, *own])}


def _file(coordinates: str) -> str:
    _, name, release = coordinates.split(":")
    return f"{name}-{release}"
