"""How single cases are named where people read: by a salted digest, or by id where it is asked for.

The salt is the secret in `COVIDREPORT_SALT` where that is set, else the data set's fingerprint.
A digest of the second kind hides an id from a reader, but whoever can list the ids of the data set
can compute all digests and look one up; a secret salt prevents that too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

SALT = "COVIDREPORT_SALT"
"""The environment variable that holds a secret salt."""
DIGITS = 12
"""Of the digest that are shown: two of 100,000 cases are alike with a chance of 1 in 56,000."""


def choose_salt(fingerprint: str | None) -> str:
    """The salt of a data set's cases: the same in every run and report of the same data."""
    return os.environ.get(SALT) or fingerprint or ""


def digest_case(sample_id: str, salt: str) -> str:
    """Such as `3f9c02d1a7be`: the first digits of the sha256 of the salt's digest and the id."""
    secret = hashlib.sha256(salt.encode()).digest()
    return hashlib.sha256(secret + sample_id.encode()).hexdigest()[:DIGITS]


def name_cases(sample_ids: Sequence[str], salt: str, *, show_ids: bool) -> tuple[str, ...]:
    """What stands for each case where people read, in the order of the ids."""
    if show_ids:
        return tuple(sample_ids)
    return tuple(digest_case(each, salt) for each in sample_ids)
