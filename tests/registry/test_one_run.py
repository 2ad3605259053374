"""A run of every pipeline trains and evaluates in one MLflow run, and both results are found."""

from podium.registry.candidate import newest_candidate
from podium.registry.evidence import newest_evidence
from tests.registry.homes import NAME


def test_candidate_and_evidence_of_a_single_run_are_found(new_home):
    home = new_home("dev")
    version = home.live_in_one_run()
    home.enter()
    candidate, evidence = newest_candidate(NAME), newest_evidence(NAME)
    assert candidate.digest == evidence.digest
    assert home.client.get_model_version(NAME, version).run_id == candidate.run_id
