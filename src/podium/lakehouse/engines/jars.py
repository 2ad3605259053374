"""The jars that Spark needs for Delta tables and object stores: from Maven Central, or from a folder."""

import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from podium.lakehouse.errors import LakehouseError

__all__ = ["JARS", "jar_settings", "packages"]

# A folder with the jars, for machines that Maven Central is closed to.
JARS = "PODIUM_JARS"
SCALA = "2.13"
# The versions that Spark itself brings along parts of.
HADOOP = "3.5.0"
STORES = {
    "s3": (f"org.apache.hadoop:hadoop-aws:{HADOOP}",),
    "abfss": (f"org.apache.hadoop:hadoop-azure:{HADOOP}",),
    "gs": (f"org.apache.hadoop:hadoop-gcp:{HADOOP}",),
}


def packages(stores: Iterable[str] = (), *, lock_table: bool = False) -> tuple[str, ...]:
    """Maven coordinates of Delta for the installed Spark, and of what the object stores need."""
    spark = ".".join(version("pyspark").split(".")[:2])
    delta = version("delta-spark")
    found = [f"io.delta:delta-spark_{spark}_{SCALA}:{delta}"]
    found += [package for store in stores for package in STORES[store]]
    if lock_table:
        found.append(f"io.delta:delta-storage-s3-dynamodb:{delta}")
    return tuple(found)


def jar_settings(stores: Iterable[str] = (), *, lock_table: bool = False) -> dict[str, str]:
    """The Spark settings that bring the jars: those of the folder in PODIUM_JARS, or packages from Maven Central.

    Raises:
        LakehouseError: that folder lacks one of them; it says which, and how they are put there.
    """
    wanted = packages(stores, lock_table=lock_table)
    folder = os.environ.get(JARS)
    if not folder:
        return {"spark.jars.packages": ",".join(wanted)}
    jars = sorted(Path(folder).glob("*.jar"))
    missing = [name for name in wanted if not any(jar.name.startswith(_file(name)) for jar in jars)]
    if missing:
        raise LakehouseError(
            f"{JARS} names {folder}, which lacks {', '.join(f'{_file(name)}.jar' for name in missing)}. It must hold "
            "these and all they depend on: what ~/.ivy2.5.2/jars holds after a first start without that variable."
        )
    return {"spark.jars": ",".join(str(jar.resolve()) for jar in jars)}


def _file(coordinates: str) -> str:
    _, name, release = coordinates.split(":")
    return f"{name}-{release}"
