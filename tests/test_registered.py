"""Domains and problems come from the packages that registered.yml names, wherever these packages lie."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podium import registered
from podium.domains.flights import DOMAIN
from podium.errors import PodiumError
from podium.features.listing import list_features
from podium.pipeline_registry import register_pipelines
from podium.problems.flight_delay import PROBLEM
from podium.registered import domains, problems, use_conf
from podium.selection import select

SECOND = """
from dataclasses import replace
from podium.problems.flight_delay import PROBLEM as FIRST
PROBLEM = replace(FIRST, name="{name}", uses=("weather", "hour_history"))
"""
OTHER = """
from dataclasses import replace
from podium.domains.flights import DOMAIN as FLIGHTS
DOMAIN = replace(FLIGHTS, name="{name}", tables=())
"""


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that registers packages, after writing some into a folder on Python's path."""
    monkeypatch.syspath_prepend(tmp_path)
    before = list(registered._conf)

    def register(text: str, **packages: str) -> None:
        (tmp_path / "conf" / "base").mkdir(parents=True)
        (tmp_path / "conf" / "base" / "registered.yml").write_text(text)
        for name, code in packages.items():
            (tmp_path / f"{name}.py").write_text(code)
        use_conf(tmp_path / "conf")

    yield register
    registered._conf[:] = before


def test_the_project_registers_the_examples():
    assert domains() == {"flights": DOMAIN}
    assert problems() == {"flight_delay": PROBLEM}


def test_a_second_problem_on_a_domain_computes_no_features(register):
    alone = register_pipelines()
    register(
        "problems: [podium.problems.flight_delay, second_problem]", second_problem=SECOND.format(name="flight_again")
    )

    both = register_pipelines()

    assert list(problems()) == ["flight_delay", "flight_again"]
    assert list(domains()) == ["flights"]
    for stage in ("eda", "feature_engineering"):
        assert {node.name for node in both[stage].nodes} == {node.name for node in alone[stage].nodes}
    own = select(both, ["training"], node_namespaces=["training.flight_again"])
    read = {name for name in own.inputs() if ".features_" in name}
    assert read == {"flights.features_weather", "flights.features_hour_history", "flights.features_refreshes"}
    users = {feature.table: feature.used_by for feature in list_features(domains(), problems())}
    assert users["flights.features_weather"] == ("flight_delay", "flight_again")
    assert users["flights.features_timetable_load"] == ("flight_delay",)


def test_each_domain_has_its_own_clock(register):
    register(
        "domains: [other_domain]\nproblems: [podium.problems.flight_delay]", other_domain=OTHER.format(name="other")
    )

    made = register_pipelines()["feature_engineering"]

    clocks = {node.namespace: node for node in made.nodes if (node.namespace or "").startswith("clock.")}
    assert clocks.keys() == {"clock.flights", "clock.other"}
    for domain in ("flights", "other"):
        node = clocks[f"clock.{domain}"]
        assert node.inputs == ["params:as_of", f"{domain}.quarantine_intake"]
        assert node.outputs == [f"{domain}.as_of"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("problems: [podium.problems.flight_dealy]", "names the package podium.problems.flight_dealy, which Python"),
        ("problems: [nowhere.at.all]", "names the package nowhere.at.all, which Python does not find"),
        ("problems: [podium.domains.flights]", "podium.domains.flights, but it defines no PROBLEM, a Problem"),
        ("problem: [podium.problems.flight_delay]", r"problem: there is no such key \(did you mean 'problems'\?\)"),
        ("problems: [podium.problems.flight_delay, named_twice]", "two problems have the same name, flight_delay"),
        (
            "problems: [podium.problems.flight_delay]\ndomains: [named_twice]",
            "a domain and a problem have",
        ),
    ],
)
def test_a_wrong_registration_is_one_error(register, text, message):
    register(text, named_twice=SECOND.format(name="flight_delay") + OTHER.format(name="flight_delay"))

    with pytest.raises(PodiumError, match=message):
        problems()


def test_a_package_that_imports_something_missing_says_what(register):
    register("problems: [broken_package]", broken_package="import nowhere_to_be_found")

    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        problems()
