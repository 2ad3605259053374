"""Every algorithm obeys the contract of the Model interface."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from podium.models import Model, ModelError, digest, load
from podium.models.algorithms import FITTERS, MODELS
from podium.models.fitting import fit, fitter
from podium.models.labelled_rows import Examples

from .conftest import CATEGORICAL, FEATURES, KEYS, flights

PARAMS = {
    "heuristic": {"by": ("carrier", "dest", "minute_of_day"), "steps": {"minute_of_day": 360.0}},
    "logistic_regression": {"C": 0.1},
    "lightgbm": {"rounds": 30, "min_data_in_leaf": 20, "feature_fraction": 0.7},
}
ALGORITHMS = tuple(PARAMS)


def fitted(algorithm: str, frame: pd.DataFrame) -> Model:
    return fit(
        algorithm,
        frame,
        frame["label"],
        features=FEATURES,
        categorical=CATEGORICAL,
        params=PARAMS[algorithm],
        seed=3,
    )


@pytest.fixture(scope="module")
def models(rows: pd.DataFrame) -> dict[str, Model]:
    return {algorithm: fitted(algorithm, rows) for algorithm in ALGORITHMS}


def test_every_algorithm_is_tested_here() -> None:
    assert set(ALGORITHMS) == set(MODELS) == set(FITTERS)
    assert all(kind.algorithm == name for name, kind in MODELS.items())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
class TestEveryAlgorithm:
    def test_it_learns_something(self, algorithm: str, models: dict[str, Model], later: pd.DataFrame) -> None:
        floor = {"heuristic": 0.55}.get(algorithm, 0.75)
        assert roc_auc_score(later["label"], models[algorithm].score(later)) > floor

    def test_the_same_rows_give_the_same_bytes(
        self, algorithm: str, models: dict[str, Model], rows: pd.DataFrame, tmp_path: Path
    ) -> None:
        models[algorithm].save(tmp_path / "one")
        fitted(algorithm, rows.copy()).save(tmp_path / "two")
        assert digest(tmp_path / "one") == digest(tmp_path / "two")

    def test_the_order_of_rows_does_not_matter_after_the_sort(
        self, algorithm: str, rows: pd.DataFrame, tmp_path: Path
    ) -> None:
        shuffled = rows.sample(frac=1, random_state=5).sort_values(list(KEYS), ignore_index=True)
        fitted(algorithm, rows).save(tmp_path / "one")
        fitted(algorithm, shuffled).save(tmp_path / "two")
        assert digest(tmp_path / "one") == digest(tmp_path / "two")

    def test_a_loaded_model_is_the_saved_one(
        self, algorithm: str, models: dict[str, Model], later: pd.DataFrame, tmp_path: Path
    ) -> None:
        models[algorithm].save(tmp_path / "one")
        again = load(tmp_path / "one")
        again.save(tmp_path / "two")
        assert type(again) is type(models[algorithm])
        assert (again.score(later) == models[algorithm].score(later)).all()
        assert digest(tmp_path / "one") == digest(tmp_path / "two")

    def test_the_score_of_a_row_does_not_depend_on_other_rows(
        self, algorithm: str, models: dict[str, Model], later: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        together = models[algorithm].score(later)
        alone = [models[algorithm].score(later.iloc[[at]])[0] for at in range(40)]
        assert (together[:40] == alone).all()
        monkeypatch.setattr("podium.models.columns.CHUNK_ROWS", 7)
        assert (models[algorithm].score(later) == together).all()

    def test_arrays_by_name_score_like_a_frame(
        self, algorithm: str, models: dict[str, Model], later: pd.DataFrame
    ) -> None:
        model = models[algorithm]
        arrays = {name: later[name].to_numpy() for name in model.features}
        lists = {name: later[name].tolist() for name in model.features}
        nullable = later.convert_dtypes()
        expected = model.score(later)
        assert all((model.score(columns) == expected).all() for columns in (arrays, lists, nullable))

    def test_no_rows_give_no_scores(self, algorithm: str, models: dict[str, Model], later: pd.DataFrame) -> None:
        assert models[algorithm].score(later.iloc[:0]).shape == (0,)

    def test_an_unknown_level_counts_as_missing(
        self, algorithm: str, models: dict[str, Model], later: pd.DataFrame
    ) -> None:
        unknown, missing = (later.assign(carrier=value, dest=value) for value in ("ZZ", None))
        assert (models[algorithm].score(unknown) == models[algorithm].score(missing)).all()

    def test_all_missing_columns_are_named(self, algorithm: str, models: dict[str, Model], later: pd.DataFrame) -> None:
        model = models[algorithm]
        gone = model.features[:2]
        renamed = later.rename(columns={name: f"{name}s" for name in gone})
        with pytest.raises(ModelError) as refused:
            model.score(renamed)
        assert all(f"'{name}' (did you mean '{name}s'?)" in str(refused.value) for name in gone)

    def test_contributions_add_up_to_the_log_odds(
        self, algorithm: str, models: dict[str, Model], later: pd.DataFrame
    ) -> None:
        score = models[algorithm].score(later)
        contributions = models[algorithm].contributions(later)
        constant = np.log(score / (1 - score)) - contributions.sum(axis=1)
        assert contributions.shape == (len(later), len(models[algorithm].features))
        assert np.ptp(constant) < 1e-9

    def test_the_files_hold_no_code(self, algorithm: str, models: dict[str, Model], tmp_path: Path) -> None:
        models[algorithm].save(tmp_path)
        held = json.loads((tmp_path / "model.json").read_text())
        assert held["algorithm"] == algorithm
        assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".txt"}

    def test_a_label_of_one_class_is_refused(self, algorithm: str, rows: pd.DataFrame) -> None:
        with pytest.raises(ModelError, match=r"both classes.*3000 rows are \[0.0\]"):
            fitted(algorithm, rows.assign(label=0))


number = st.none() | st.floats(allow_nan=True, allow_infinity=True)
text = st.none() | st.sampled_from(["AA", "B6", "BOS", "ZZ", "", "ü"]) | st.just(float("nan"))
row = st.tuples(*[text if name in CATEGORICAL else number for name in FEATURES])


@settings(max_examples=40, deadline=None)
@given(st.lists(row, min_size=1, max_size=20))
def test_the_score_of_any_input_is_a_probability(models: dict[str, Model], sent: list[tuple]) -> None:
    frame = pd.DataFrame(sent, columns=FEATURES, dtype=object)
    for model in models.values():
        scores = model.score(frame)
        assert scores.dtype == np.float64
        assert ((scores >= 0) & (scores <= 1)).all()


def test_another_process_gives_the_same_bytes(models: dict[str, Model], tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.models.conftest import flights\n"
        "from tests.models.test_fitting import ALGORITHMS, fitted\n"
        "for name in ALGORITHMS: fitted(name, flights()).save(Path(sys.argv[1], name))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    for name, model in models.items():
        model.save(tmp_path / "here" / name)
        assert digest(tmp_path / name) == digest(tmp_path / "here" / name)


def test_an_earlier_fit_does_not_change_the_next_one(rows: pd.DataFrame, tmp_path: Path) -> None:
    examples = Examples.of(rows, rows["label"])
    learn = fitter("lightgbm", examples, None, features=FEATURES, categorical=CATEGORICAL, seed=3)
    params = fitted("lightgbm", rows).params
    learn({**params, "num_leaves": 4, "min_data_in_leaf": 300})
    learn(params).save(tmp_path / "second")
    fitted("lightgbm", rows).save(tmp_path / "only")
    assert digest(tmp_path / "second") == digest(tmp_path / "only")


def test_validation_stops_lightgbm_early(rows: pd.DataFrame, later: pd.DataFrame) -> None:
    model = fit(
        "lightgbm",
        rows,
        rows["label"],
        features=FEATURES,
        categorical=CATEGORICAL,
        params={"rounds": 500, "patience": 5, "learning_rate": 0.3, "feature_fraction": 1.0},
        seed=3,
        validation=(later, later["label"]),
    )
    assert 1 <= model.params["rounds"] < 500
    assert model.booster.num_trees() == model.params["rounds"]  # type: ignore[attr-defined]


def test_the_heuristic_is_a_smoothed_rate() -> None:
    frame = pd.DataFrame({"carrier": ["AA"] * 6 + ["B6"] * 4, "dest": ["BOS", "LAX"] * 5})
    label = np.array([1, 0, 1, 0, 1, 0, 1, 0, 0, 0])
    model = fit(
        "heuristic",
        frame,
        label,
        features=["carrier", "dest"],
        categorical=["carrier", "dest"],
        params={"by": ["carrier", "dest"], "pseudo_rows": 4.0},
        seed=0,
    )
    asked = pd.DataFrame({"carrier": ["AA", "AA", "ZZ", None], "dest": ["BOS", None, "BOS", None]})
    of_carrier = (3 + 4 * 0.4) / (6 + 4)
    of_both = (3 + 4 * of_carrier) / (3 + 4)
    assert model.score(asked) == pytest.approx([of_both, of_carrier, 0.4, 0.4], abs=1e-15)


def test_logistic_regression_agrees_with_scikit_learn(rows: pd.DataFrame, later: pd.DataFrame) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = ["delay", "pressure", "minute_of_day", "constant"]
    theirs = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
        ),
        LogisticRegression(C=0.1, solver="newton-cholesky"),
    ).fit(rows, rows["label"])
    ours = fit(
        "logistic_regression",
        rows,
        rows["label"],
        features=[*numbers, "carrier"],
        categorical=["carrier"],
        params={"C": 0.1},
        seed=0,
    )
    assert ours.score(later) == pytest.approx(theirs.predict_proba(later)[:, 1], abs=1e-9)


def test_errors_name_the_mistake_and_the_nearest_name(
    rows: pd.DataFrame, models: dict[str, Model], tmp_path: Path
) -> None:
    def ask(algorithm: str = "lightgbm", features: list[str] = FEATURES, **params: object) -> None:
        fit(algorithm, rows, rows["label"], features=features, categorical=CATEGORICAL, params=params, seed=0)

    with pytest.raises(ModelError, match="did you mean 'lightgbm'"):
        ask("lightgmb")
    with pytest.raises(ModelError, match=r"no hyperparameter 'num_leafs' .did you mean 'num_leaves'"):
        ask(num_leafs=3)
    with pytest.raises(ModelError, match=r"num_leaves.*greater than 1"):
        ask(num_leaves=-1)
    with pytest.raises(ModelError, match="by: Field required"):
        ask("heuristic")
    with pytest.raises(ModelError, match=r"lack features: 'delays' .did you mean 'delay'"):
        ask(features=["delays"])
    with pytest.raises(ModelError, match=r"unknown features: 'carier' .did you mean 'carrier'"):
        ask("heuristic", by=("carier",))
    with pytest.raises(ModelError, match="'delay' must be a number"):
        models["lightgbm"].score(rows.assign(delay="late"))
    with pytest.raises(ModelError, match="'delay' must be a number"):
        models["lightgbm"].score(rows.assign(delay=rows["scheduled_departure"]))
    with pytest.raises(ModelError, match="'carrier' must be text"):
        models["lightgbm"].score(rows.assign(carrier=1))
    with pytest.raises(ModelError, match="differ in length"):
        models["heuristic"].score({"carrier": ["AA"], "dest": ["BOS", "LAX"], "minute_of_day": [1.0]})
    with pytest.raises(ModelError, match=r"holds no model: model\.json is missing"):
        load(tmp_path)
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(ModelError, match=r"other files \(notes\.md\)"):
        models["heuristic"].save(tmp_path)


def test_an_incomplete_model_is_refused(models: dict[str, Model], tmp_path: Path) -> None:
    models["lightgbm"].save(tmp_path)
    (tmp_path / "model.txt").unlink()
    with pytest.raises(ModelError, match=r"an incomplete model.*model\.txt"):
        load(tmp_path)


def test_the_digest_depends_on_file_names_and_contents(tmp_path: Path) -> None:
    seen = set()
    for name, content in (("a", "bc"), ("ab", "c"), ("a", "bd"), ("b", "bc")):
        folder = tmp_path / str(len(seen))
        folder.mkdir()
        (folder / name).write_text(content)
        seen.add(digest(folder))
    assert len(seen) == 4


def test_the_test_data_has_missing_values() -> None:
    assert flights()[["pressure", "dest", "empty"]].isna().any().all()
