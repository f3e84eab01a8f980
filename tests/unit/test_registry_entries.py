"""What travels to and from the model registry keeps its value and its type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.registry_entries import Property, UnfitPropertyError, differing, from_wire, to_wire

PROPERTIES = st.dictionaries(
    st.text(),
    st.one_of(
        st.text(),
        st.booleans(),
        st.integers(min_value=-999_999_999, max_value=999_999_999),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
)


@given(properties=PROPERTIES)
def test_every_property_that_fits_comes_back_as_it_went(properties: dict[str, Property]) -> None:
    """A gate that reads a metric back must get the number that the test published."""
    read = from_wire(to_wire(properties))
    assert read == properties
    assert {name: type(value) for name, value in read.items()} == {name: type(v) for name, v in properties.items()}


@pytest.mark.parametrize("value", [1_000_000_000, -1_000_000_000, float("nan"), float("-inf")])
def test_a_value_that_the_api_cannot_carry_is_named(value: float) -> None:
    """The user must learn which property it is, and what to do."""
    with pytest.raises(UnfitPropertyError, match=r"custom property total_bytes cannot be .* Store it as a string"):
        to_wire({"total_bytes": value})


def test_structures_of_other_tools_are_left_out_when_reading() -> None:
    """They are not ours to interpret; a half-decoded one would be taken for a value."""
    struct = {"struct_value": "e30=", "metadataType": "MetadataStructValue"}
    assert from_wire({"struct": struct, **to_wire({"a": 1})}) == {"a": 1}


@pytest.mark.parametrize(("held", "wanted"), [(1, True), (1, 1.0), ("1", 1), (None, "")])
def test_values_of_different_json_types_differ(held: object, wanted: object) -> None:
    """Python calls True and 1 equal; the registry would keep the old type."""
    assert differing({"x": held}, {"x": wanted}) == {"x": wanted}


def test_only_what_differs_is_written() -> None:
    """What is as it should be is not sent, so that it cannot overwrite another's change."""
    assert differing({"same": "a", "other": "b", "extra": "c"}, {"same": "a", "other": "x", "new": "y"}) == {
        "other": "x",
        "new": "y",
    }
