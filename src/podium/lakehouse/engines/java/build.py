"""Compile S3Commits.java into the jar beside it. Needs a JDK, and the Delta jars that Spark's first start downloads."""

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pyspark

HERE = Path(__file__).parent
SOURCE, JAR = HERE / "S3Commits.java", HERE / "s3-commits.jar"
# Give all entries the same fixed time, so that the jar is reproducible.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Compile S3Commits.java, and pack its classes and its source into the jar."""
    javac = shutil.which("javac")
    assert javac, "There is no javac on the PATH. Install a JDK."
    jars = [*Path(pyspark.__file__).parent.glob("jars/hadoop-client-api-*.jar"), *_delta_storage()]
    with tempfile.TemporaryDirectory() as folder:
        classpath = ":".join(map(str, jars))
        subprocess.run([javac, "--release", "17", "-g:none", "-cp", classpath, "-d", folder, str(SOURCE)], check=True)
        files = {path.relative_to(folder).as_posix(): path for path in sorted(Path(folder).rglob("*.class"))}
        with zipfile.ZipFile(JAR, "w", zipfile.ZIP_DEFLATED) as jar:
            for name, path in {**files, SOURCE.name: SOURCE}.items():
                jar.writestr(zipfile.ZipInfo(name, EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)


def _delta_storage() -> list[Path]:
    return sorted(Path.home().glob(".ivy2*/jars/io.delta_delta-storage-*.jar"))[-1:]


if __name__ == "__main__":
    main()
