"""Hypothesis strategies for arbitrary access rules."""

from hypothesis import strategies as st

from podium.lakehouse.access.rules import ZONES, AccessRules, read_rules
from tests.access.conftest import ROLES, raw_rules

some_zones = st.lists(st.sampled_from(ZONES), unique=True)
some_rights = st.fixed_dictionaries({"read": some_zones, "write": some_zones})
some_roles = st.lists(st.sampled_from(ROLES), unique=True, max_size=3)


@st.composite
def some_rules(draw) -> AccessRules:
    """Arbitrary rules for one environment, with arbitrary members."""
    rights = draw(st.dictionaries(st.sampled_from([*ROLES, "anyone"]), some_rights))
    members = draw(st.dictionaries(st.sampled_from(["ada", "bob", "cy"]), some_roles))
    one = {"rights": rights, "unmasked": draw(some_roles)}
    return read_rules(raw_rules(members=members, environments={"here": one}))
