"""The cron, systemd and jobs.yml examples of docs/how-to/jobs.md agree with the shipped jobs."""

import re
import shutil
from pathlib import Path

import yaml

from podium.jobs.checks import checked_jobs
from podium.jobs.reading import read_jobs
from tests.conftest import PROJECT
from tests.docs.pages import blocks

PAGE = PROJECT / "docs" / "how-to" / "jobs.md"
JOBS = read_jobs(PROJECT / "conf").jobs


def test_the_crontab_example_runs_every_job_on_its_schedule():
    (block,) = [block for block in blocks(PAGE, "text") if "CRON_TZ" in block]
    (zone,) = re.findall(r"^CRON_TZ=(\S+)$", block, re.MULTILINE)
    lines = re.findall(r"^(\S+ \S+ \S+ \S+ \S+) +cd \S+ && \S+podium jobs run (\w+) --env prod$", block, re.MULTILINE)
    assert {name: (cron, zone) for cron, name in lines} == {
        name: (job.schedule.cron, job.schedule.time_zone) for name, job in JOBS.items()
    }


def test_the_systemd_timer_example_has_the_schedule_of_the_job():
    timer = next(block for block in blocks(PAGE, "ini") if "[Timer]" in block)
    assert JOBS["score"].schedule.cron == "15 * * * *"
    assert f"OnCalendar=*-*-* *:15:00 {JOBS['score'].schedule.time_zone}" in timer


def test_the_table_of_jobs_agrees_with_the_configuration():
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", PAGE.read_text(), re.MULTILINE)
    named = {
        name: [one for task in job.tasks for one in task.pipelines or [task.command]] for name, job in JOBS.items()
    }
    assert {name: names.split(", ") for name, names in rows if name in JOBS} == named


def test_the_example_job_is_valid(tmp_path: Path):
    conf = shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    file = conf / "base" / "jobs.yml"
    raw = yaml.safe_load(file.read_text())
    (shown,) = blocks(PAGE, "yaml")
    file.write_text(yaml.safe_dump(raw | {"jobs": yaml.safe_load(shown)["jobs"]}))
    order = checked_jobs(conf).steps("weekly")
    assert [step.name for step in order] == ["feature_engineering", "model", "inference"]
