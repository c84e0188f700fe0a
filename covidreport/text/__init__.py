"""How numbers, names and lists are written, the same wherever people read them.

`numbers` counts and rates, `p_values` p-values and bounds on them, `estimates` a value with its
evidence, `words` names, plurals and lists, `cases` what stands for the id of an image.
"""

from covidreport.text.cases import SALT, choose_salt, digest_case, name_cases
from covidreport.text.estimates import EstimateText, format_estimate, show_ends, show_value
from covidreport.text.numbers import (
    DASH,
    MINUS,
    aligned,
    decimal,
    decimal_beside,
    exact,
    fraction,
    percent_of,
    places_beside,
    portion,
    portion_of,
    proportion,
    signed,
    whole,
)
from covidreport.text.p_values import bound_p, format_bounds, format_p, p_value, show_bounds
from covidreport.text.words import (
    NOT_STATED,
    clean,
    humanise,
    label_name,
    list_some,
    listed,
    plural,
    titled,
)

__all__ = [
    "DASH",
    "MINUS",
    "NOT_STATED",
    "SALT",
    "EstimateText",
    "aligned",
    "bound_p",
    "choose_salt",
    "clean",
    "decimal",
    "decimal_beside",
    "digest_case",
    "exact",
    "format_bounds",
    "format_estimate",
    "format_p",
    "fraction",
    "humanise",
    "label_name",
    "list_some",
    "listed",
    "name_cases",
    "p_value",
    "percent_of",
    "places_beside",
    "plural",
    "portion",
    "portion_of",
    "proportion",
    "show_bounds",
    "show_ends",
    "show_value",
    "signed",
    "titled",
    "whole",
]
