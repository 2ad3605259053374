"""Refuse a query by its tokens alone, because parsers may disagree on how the tokens belong together."""

import re
from functools import cache
from itertools import pairwise

from sqlglot import Token, TokenType, exp
from sqlglot.dialects import Spark

from podium.errors import PodiumError, did_you_mean

__all__ = ["QueryError", "refuse_ambiguous", "refuse_calls", "refuse_words", "without_comments"]

STRINGS = {TokenType.STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING}
WORD = re.compile(r"[^\W\d]\w*")
# Refuse these functions: they can call any static Java method on the server.
REFUSED = {"java_method", "reflect", "try_reflect"}
# The SQL functions that are allowed in addition to those of pyspark.sql.functions. They include table functions, casts
# such as int(), and other names of allowed functions.
MORE = {
    *("collations", "range", "sql_keywords", "variant_explode", "variant_explode_outer"),
    *("bigint", "binary", "boolean", "char", "date", "dec", "decimal", "double", "float", "int", "integer", "numeric"),
    *("real", "smallint", "string", "timestamp", "timestamp_ltz", "timestamp_ntz", "tinyint", "varchar"),
    *("cast", "div", "if", "interval", "map", "mod", "percentile_cont", "percentile_disc", "row", "space"),
    *(
        "approx_top_k",
        "chr",
        "len",
        "luhn_check",
        "random",
        "time",
        "timestampadd",
        "timestampdiff",
        "try_cast",
        "uuid",
    ),
}
# Keywords that can stand before a parenthesis without being the name of a function.
KEYWORDS = {
    *("all", "and", "any", "as", "between", "by", "case", "cube", "distinct", "else", "escape", "except", "exclude"),
    *("exists", "filter", "from", "group", "having", "ilike", "in", "include", "intersect", "join", "lateral", "like"),
    *("limit", "minus", "not", "offset", "on", "or", "over", "pivot", "qualify", "regexp", "rlike", "rollup", "select"),
    *("sets", "some", "tablesample", "then", "union", "unpivot", "using", "values", "when", "where", "window"),
}


class QueryError(PodiumError):
    """A query is refused, or the engine cannot run it."""


def refuse_ambiguous(text: str) -> None:
    """Raise for text that engines read differently: variables, and backslashes before quotation marks."""
    if "${" in text:
        raise QueryError(
            "${…} is refused, because Spark replaces it with the value of a variable. Write '$' || '{…}' instead."
        )
    if re.search(r"\\['\"`]", text):
        raise QueryError(
            "A backslash before a quotation mark is refused, because engines disagree on its meaning. Write '' for a ' "
            "inside a string."
        )


def without_comments(text: str) -> str:
    """Replace comments and hints by blanks, so that the rest of the text keeps its positions."""
    clean = list(re.sub(r"[^\n]", " ", text))
    for token in Spark().tokenize(text):
        if token.token_type is not TokenType.HINT:
            clean[token.start : token.end + 1] = text[token.start : token.end + 1]
    return "".join(clean)


def refuse_words(tokens: list[Token]) -> None:
    """Raise for the keyword TABLE, the pipe operator |> and USING with a program, wherever they stand in a query."""
    for place, (token, following) in enumerate(pairwise(tokens)):
        described = place == 1 and tokens[0].token_type in {TokenType.DESCRIBE, TokenType.DESC}
        if token.token_type is TokenType.TABLE and not described:
            raise QueryError(
                "The keyword TABLE is refused. Write SELECT * FROM instead. If table is a name, write it in backticks: "
                "`table`."
            )
        if token.token_type is TokenType.PIPE_GT:
            raise QueryError("The pipe operator |> is refused. Write a subquery instead.")
        if token.text.upper() == "USING" and following.token_type in STRINGS:
            raise QueryError("USING with a program is refused, because a query must not run programs.")


def refuse_calls(tokens: list[Token], tree: exp.Expr) -> None:
    """Raise for calls of functions that are not allowed. A table alias with columns, like ``t(a, b)``, is no call."""
    named = {name.meta.get("start") for alias in tree.find_all(exp.TableAlias) for name in alias.iter_expressions()}
    for token, following in pairwise(tokens):
        if following.token_type is TokenType.L_PAREN and token.start not in named:
            _refuse_call(token)
    for dot, name, bracket in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if dot.token_type is TokenType.DOT and bracket.token_type is TokenType.L_PAREN and name.start not in named:
            raise QueryError(
                f"The call of {name.text} is refused, because its name is qualified. Call only PySpark's functions, "
                "without a qualifier."
            )


def _refuse_call(token: Token) -> None:
    name, quoted = token.text.lower(), token.token_type is TokenType.IDENTIFIER
    if not (quoted or WORD.fullmatch(name)) or (not quoted and name in KEYWORDS) or name in _allowed():
        return
    near = "" if name in REFUSED else did_you_mean(name, _allowed())
    raise QueryError(
        f"A query may not call the function {name}{near}. Call only PySpark's functions, and none that runs Java."
    )


@cache
def _allowed() -> frozenset[str]:
    """The names of all functions that a query may call.

    Other functions are refused, because an engine may have some that read files, secrets or the network.
    """
    from pyspark.sql import functions

    return frozenset({name.lower() for name in functions.__all__} | MORE) - REFUSED
