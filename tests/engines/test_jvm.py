"""The JVM of a driver starts without fork handlers, even after gRPC started threads, and ends with its parent."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

pytestmark = pytest.mark.spark

# Java refuses the heap size 1x, so the start fails at once.
WITHOUT_A_FORK = """
import os, sys
from podium.lakehouse.engines import EngineSettings
from podium.lakehouse.engines.spark import Spark
from podium.lakehouse.errors import LakehouseError
forks = []
os.register_at_fork(before=lambda: forks.append("fork"))
settings = EngineSettings(engine="spark", master="local[1]", log=sys.argv[1], config={"spark.driver.memory": "1x"})
try:
    Spark(settings).start()
except LakehouseError as refused:
    print("-Xmx1x" in str(refused), forks, [name for name in os.environ if name.startswith("PYSPARK_GATEWAY")])
"""

# The query on Sail starts gRPC threads, which keep running.
SAIL_AND_SPARK = """
import sys
from podium.lakehouse import engine
from pyspark import SparkContext
engine.configure(engine.EngineSettings(engine="sail"))
print(engine.session().range(3).count(), flush=True)
engine.configure(engine.EngineSettings(engine="spark", master="local[1]", log=sys.argv[1]))
print(engine.session().range(4).count(), flush=True)
try:
    print(SparkContext._gateway.proc.pid, flush=True)  # the signal may come at once
    sys.stdin.readline()
except KeyboardInterrupt:
    print(engine.session().range(5).count(), flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Python has vfork() on Linux only")
def test_no_fork_handler_runs_when_the_jvm_starts(tmp_path):
    command = [sys.executable, "-c", WITHOUT_A_FORK, str(tmp_path / "spark.log")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["True", "[]", "[]"], done.stderr


def test_spark_after_sail_survives_ctrl_c_and_ends_with_its_parent(tmp_path):
    command = [sys.executable, "-c", SAIL_AND_SPARK, str(tmp_path / "spark.log")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, start_new_session=True) as parent:
        try:
            assert [parent.stdout.readline() for _ in range(2)] == ["3\n", "4\n"]
            java = psutil.Process(int(parent.stdout.readline()))
            os.killpg(parent.pid, signal.SIGINT)  # like Ctrl-C in a terminal
            assert parent.stdout.readline() == "5\n"
        finally:
            parent.kill()
    java.wait(timeout=60)
