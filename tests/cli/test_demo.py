"""``podium demo``: the figures it prints agree with the tables and MLflow."""

import re
from pathlib import Path

import pytest
from deltalake import DeltaTable

from podium.errors import PodiumError
from podium.pipelines import STAGES
from tests.cli.conftest import PROJECT

EXPECTED_STAGES = [*STAGES[:5], "feature_engineering", "inference", "monitoring"]


def rows(life, name: str) -> int:
    return DeltaTable(str(life.root / name)).to_pyarrow_dataset().count_rows()


def test_the_output_shows_every_stage_in_order(life):
    told = re.findall(r"^(\d)/8 (\w+) as of (\S+): .+ \(\d+\.\d s\)$", life.output, re.MULTILINE)
    assert [(int(number), name) for number, name, _ in told] == list(enumerate(EXPECTED_STAGES, start=1))
    assert [moment for *_, moment in told] == ["2013-04-01"] * 5 + ["2013-05-03"] * 3


def test_every_stage_prints_its_result(life):
    lines = life.output.splitlines()
    stages = [number for number, line in enumerate(lines) if re.match(r"\d/8 ", line)]
    assert all(lines[number + 1].startswith("    ") for number in stages)


def test_figures_agree_with_the_tables_and_mlflow(life, listed):
    champion = listed("status")["problems"]["flight_delay"]["champion"]
    predictions = rows(life, "flight_delay/predictions/log")
    assert f"{predictions:,} flights scored by version {champion['version']}" in life.output
    assert f"{predictions:,} predictions in flight_delay.predictions" in life.output
    assert f"ROC AUC {champion['metrics']['auc']:.3f} on {champion['metrics']['rows']:,.0f} flights" in life.output
    assert f"the baseline {champion['baseline']['auc']:.3f}; every check passed" in life.output
    assert f"in quarantine, with the rule that they broke: {rows(life, 'flights/quarantine/rows'):,}." in life.output


def test_the_output_ends_with_existing_pages_and_the_next_commands(life):
    pages = re.findall(r"file://(\S+\.html)", life.output)
    assert len(pages) >= 3
    assert {Path(page).relative_to(life.root).parent.as_posix() for page in pages} == {
        "flight_delay/reports",
        "flights/reports",
    }
    assert "podium status" in life.output.partition("Type next")[2]


def test_the_output_is_plain_text_without_a_terminal(life):
    assert "\x1b" not in life.output
    assert "UserWarning" not in life.output


def test_a_missing_source_gives_an_error_without_a_traceback(podium, tmp_path):
    answer = podium("demo", "--source", str(tmp_path / "nowhere"))
    assert answer.exit_code == 1
    assert f"The source folder {tmp_path / 'nowhere'} does not exist" in answer.stderr
    assert "Traceback" not in answer.output
    assert "1/8 eda as of 2013-08-01" in answer.stdout
    assert "failed" in answer.stdout


def test_an_error_that_kedro_wraps_keeps_its_message(data_folder):
    from kedro.framework.session import KedroServiceSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    session = KedroServiceSession.create(project_path=PROJECT, env="dev")
    with pytest.raises(PodiumError, match=r"^flight_delay: there is no candidate\."):
        session.run(pipeline_names=["deployment"])
