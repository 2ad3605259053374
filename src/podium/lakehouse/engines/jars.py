"""The jars that Spark needs for Delta tables and object stores: from Maven Central, or from a folder."""

import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from podium.lakehouse.errors import LakehouseError

__all__ = ["JARS", "S3_COMMITS", "jar_settings", "packages"]

# A folder with the jars, for machines that Maven Central is closed to.
JARS = "PODIUM_JARS"
SCALA = "2.13"
# The versions that Spark itself brings along parts of; that of Amazon's library is the one that Hadoop was built with.
HADOOP, AWS = "3.5.0", "2.35.4"
STORES = {
    "s3": (
        f"org.apache.hadoop:hadoop-aws:{HADOOP}",
        *(f"software.amazon.awssdk:{module}:{AWS}" for module in ("s3", "s3-transfer-manager", "sts")),
    ),
    "abfss": (f"org.apache.hadoop:hadoop-azure:{HADOOP}",),
    "gs": (f"org.apache.hadoop:hadoop-gcp:{HADOOP}",),
}
# What those would fetch and nobody needs: parts that Spark has already, and all of Amazon's services in one file.
UNWANTED = (
    *("org.apache.hadoop:hadoop-client-api", "org.apache.hadoop:hadoop-client-runtime", "io.netty:*"),
    "software.amazon.awssdk:bundle",
)
# Our own, for commits on S3.
S3_COMMITS = Path(__file__).parent / "java" / "s3-commits.jar"


def packages(stores: Iterable[str] = ()) -> tuple[str, ...]:
    """Maven coordinates of Delta for the installed Spark, and of what the object stores need."""
    spark = ".".join(version("pyspark").split(".")[:2])
    delta = version("delta-spark")
    found = [f"io.delta:delta-spark_{spark}_{SCALA}:{delta}"]
    found += [package for store in stores for package in STORES[store]]
    return tuple(found)


def jar_settings(stores: Iterable[str] = ()) -> dict[str, str]:
    """The Spark settings that bring the jars: those of the folder in PODIUM_JARS, or packages from Maven Central.

    Raises:
        LakehouseError: that folder lacks one of them; it says which, and how they are put there.
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
            "these and all they depend on: what ~/.ivy2.5.2/jars holds after a first start without that variable."
        )
    return {"spark.jars": ",".join(str(jar.resolve()) for jar in [*jars, *own])}


def _file(coordinates: str) -> str:
    _, name, release = coordinates.split(":")
    return f"{name}-{release}"
