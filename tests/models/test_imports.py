"""What importing the models costs: a serving application installs neither Kedro nor a command line."""

import subprocess
import sys


def test_models_need_neither_kedro_nor_click() -> None:
    code = "import sys, podium.models; print(sorted({'kedro', 'click', 'pyspark', 'mlflow'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
