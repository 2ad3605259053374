"""Alias lookups distinguish a missing model or alias from an MLflow error."""

import pytest
from mlflow.exceptions import MlflowException

from podium.registry.lookups import aliases_of, json_document, json_document_if_any, model_names
from podium.registry.versions import aliased
from tests.registry.homes import NAME, Home


def test_a_missing_model_or_alias_gives_none(staging: Home, prod: Home):
    prod.enter()
    assert aliased(NAME, "champion") is None
    assert aliases_of(prod.client, NAME) is None

    staging.enter()
    assert aliased(NAME, "nobody") is None
    assert str(aliased(NAME, "champion").version) == "1"
    assert aliases_of(staging.client, NAME) == {"champion": "1", "challenger": "2"}


def test_an_error_of_mlflow_does_not_count_as_a_missing_champion(staging: Home):
    staging.enter()
    with pytest.raises(MlflowException) as refused:
        aliased(f"{NAME}/{NAME}", "champion")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_all_models_are_found_across_pages(prod: Home):
    names = sorted(f"model_{number}" for number in range(105))  # MLflow lists 100 in a page
    for name in names:
        prod.client.create_registered_model(name)
    assert len(prod.client.search_registered_models()) == 100
    assert model_names(prod.client) == names


def test_a_missing_document_is_an_error_unless_it_is_optional(staging: Home):
    run = staging.client.search_runs(["1"], "tags.`podium.kind` = 'evidence'")[0].info.run_id
    assert json_document(staging.client, run, "evaluation.json")["checks"]
    with pytest.raises(MlflowException):
        json_document(staging.client, run, "training.json")
    assert json_document_if_any(staging.client, run, "training.json") == {}
