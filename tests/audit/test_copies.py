"""Copies of a picture: how grave they are depends on where they stand."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.audit import copies
from tests.audit.data import change_survey, make_evidence, repeat

# by i mod 8: 0 and 1, 2, 3 are in train, 4 to 7 in validation; 0 and 4 are covid-19
EVIDENCE = make_evidence(160)


@pytest.mark.parametrize(
    ("rows", "code", "severity"),
    [
        ((0, 4), "identical-files-across-splits", "error"),
        ((0, 5), "identical-files-across-splits", "error"),
        ((0, 1), "identical-files-with-other-labels", "error"),
        ((1, 2), "identical-files", "note"),
        ((1, 2, 3), "identical-files", "note"),
    ],
)
def test_where_a_copy_stands_decides_how_grave_it_is(rows, code, severity):
    """In two splits, in one with two labels, or only counted twice."""
    evidence = replace(EVIDENCE, digests=repeat(EVIDENCE.digests, *rows))
    (finding,) = copies.audit_identical_files(evidence)
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.subjects == tuple(f"{row:04}.png" for row in rows)
    assert f"{len(rows)} images are identical files" in finding.what


def test_the_evidence_names_the_split_or_the_label_of_each():
    """So that a reader can look both up."""
    across = replace(EVIDENCE, digests=repeat(EVIDENCE.digests, 0, 4))
    (finding,) = copies.audit_identical_files(across)
    assert "0000.png (train) and 0004.png (validation)" in finding.evidence
    within = replace(EVIDENCE, digests=repeat(EVIDENCE.digests, 0, 1))
    (finding,) = copies.audit_identical_files(within)
    assert "0000.png (covid-19) and 0001.png (normal)" in finding.evidence


def test_files_that_cannot_be_read_are_no_copies_of_each_other():
    """They share the word that stands for their digest."""
    unreadable = repeat(("unreadable", *EVIDENCE.digests[1:]), 0, 1, 4)
    assert copies.audit_identical_files(replace(EVIDENCE, digests=unreadable)) == ()


def test_a_copy_is_told_once_by_the_check_that_is_surest():
    """Identical files have identical pixels, and these are near-duplicates too."""
    thumbnails = EVIDENCE.survey.thumbnails.copy()
    thumbnails[4] = thumbnails[0]
    pixels = repeat(EVIDENCE.survey.pixels, 0, 4)
    same_pixels = change_survey(EVIDENCE, pixels=pixels, thumbnails=thumbnails)
    assert copies.audit_identical_files(same_pixels) == ()
    assert len(copies.audit_identical_pixels(same_pixels)) == 1
    assert copies.audit_near_duplicates(same_pixels) == ()
    same_file = replace(same_pixels, digests=repeat(EVIDENCE.digests, 0, 4))
    assert len(copies.audit_identical_files(same_file)) == 1
    assert copies.audit_identical_pixels(same_file) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda picture: picture[:, ::-1], ", mirrored"),
        (lambda picture: 255 - picture, ", inverted"),
        (lambda picture: 255 - picture[:, ::-1], ", mirrored and inverted"),
        (lambda picture: picture // 2, ""),
    ],
)
def test_mirrored_and_inverted_copies_are_named_as_such(change, said):
    """Across splits each is an error."""
    thumbnails = EVIDENCE.survey.thumbnails.copy()
    thumbnails[4] = change(thumbnails[0])
    (finding,) = copies.audit_near_duplicates(change_survey(EVIDENCE, thumbnails=thumbnails))
    assert finding.severity == "error"
    assert finding.what == "1 pair of near-duplicates in different splits"
    assert f"0000.png (train) and 0004.png (validation){said}:" in finding.evidence


def test_blank_pictures_are_not_called_copies_of_each_other():
    """Nothing can be told from a picture that is one grey all over, or nearly."""
    thumbnails = EVIDENCE.survey.thumbnails.copy()
    thumbnails[:8] = np.random.default_rng(0).integers(100, 103, (8, 32, 32))
    assert copies.audit_near_duplicates(change_survey(EVIDENCE, thumbnails=thumbnails)) == ()
