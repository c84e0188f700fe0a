"""How cases are named where people read."""

from __future__ import annotations

import hashlib

from covidreport.text import SALT, choose_salt, digest_case, name_cases


def test_a_digest_names_a_case_without_its_id(monkeypatch):
    """The digest is the sha256 of the salt's sha256 and the id, cut to twelve digits."""
    expected = hashlib.sha256(hashlib.sha256(b"salt").digest() + b"patient-7.png").hexdigest()[:12]
    assert digest_case("patient-7.png", "salt") == expected
    assert name_cases(["patient-7.png"], "salt", show_ids=False) == (expected,)
    assert name_cases(["patient-7.png"], "salt", show_ids=True) == ("patient-7.png",)


def test_a_secret_salt_wins_over_the_fingerprint(monkeypatch):
    """Who knows the data's fingerprint can't compute digests where a secret is set."""
    monkeypatch.delenv(SALT, raising=False)
    assert choose_salt("fingerprint") == "fingerprint"
    assert choose_salt(None) == ""
    monkeypatch.setenv(SALT, "secret")
    assert choose_salt("fingerprint") == "secret"
