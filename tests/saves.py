"""Test cases for each mode of saving: the new rows, the window, and the expected rows of the table."""

BEFORE = [(1, "a"), (2, "b"), (3, "c")]
SAVES = {
    "append": ([(1, "x"), (4, "d")], None, [*BEFORE, (1, "x"), (4, "d")]),
    "merge": ([(1, "x"), (4, "d")], None, [(1, "x"), (2, "b"), (3, "c"), (4, "d")]),
    "insert": ([(1, "x"), (4, "d")], None, [*BEFORE, (4, "d")]),
    "replace": ([(2, "x"), (9, "y")], "k >= 2", [(1, "a"), (2, "x"), (9, "y")]),
    "overwrite": ([(1, "x")], None, [(1, "x")]),
}
