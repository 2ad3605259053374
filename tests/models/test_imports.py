"""The models import without Kedro and Click, because a serving application installs neither."""

import subprocess
import sys


def test_importing_the_models_loads_no_heavy_package() -> None:
    code = "import sys, podium.models; print(sorted({'kedro', 'click', 'pyspark', 'mlflow'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
