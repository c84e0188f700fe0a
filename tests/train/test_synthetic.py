"""The demo's drawn radiographs: marked, seeded, split by patient, and without a shortcut."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from covidreport.audit.similarity import find_copies
from covidreport.dataset import read_dataset
from covidreport.dataset.digests import digest_files
from covidreport.dataset.survey import survey_images
from covidreport.errors import UsageError
from covidreport.images import decode_image, read_bytes
from covidreport.images.reference import FOLDER, PICTURES
from train.synthetic import dataset
from train.synthetic.chest import Chest, Frame, draw_chest
from train.synthetic.cohort import LABELS, plan_cohort
from train.synthetic.command import draw
from train.synthetic.dataset import COLUMNS, Drawing, draw_dataset
from train.synthetic.disease import draw_lobar_opacity, draw_peripheral_opacities
from train.synthetic.reference import draw_pictures

SMALL = Drawing(images=12, seed=7, size=128)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("drawn"), SMALL, jobs=1).parent


@pytest.fixture
def chest() -> Chest:
    person, rng = np.random.default_rng(3), np.random.default_rng(4)
    return draw_chest(Frame.lay(128, 128, rng, 5), person, rng, sex="F", view="PA")


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_pictures_that_models_are_replayed_on_are_drawn_by_us():
    """Their files hold what the command draws: grey of 8 bits, colours, grey of 16 bits."""
    kinds = {"grey.png": ("L", 8), "colour.jpg": ("RGB", 8), "deep.png": ("L", 16)}
    drawn_anew = draw_pictures()
    assert tuple(drawn_anew) == PICTURES
    for name, data in drawn_anew.items():
        shipped, drawn = decode_image(read_bytes(FOLDER / name)), decode_image(data)
        assert (shipped.picture.mode, shipped.bits) == kinds[name]
        first, second = (np.asarray(each.picture, np.float64) for each in (shipped, drawn))
        assert abs(first - second).mean() < 1  # another Pillow may write or draw a little otherwise


def test_the_same_seed_gives_the_same_bytes_from_any_number_of_processes(drawn, tmp_path):
    """Two processes write what one wrote, file for file."""
    draw_dataset(tmp_path / "again", SMALL, jobs=2)
    assert _digests(tmp_path / "again") == _digests(drawn)


def test_another_seed_gives_other_pictures(drawn, tmp_path):
    """No image of one seed comes back under another."""
    other = draw_dataset(tmp_path / "other", Drawing(12, seed=8, size=128), jobs=1).parent
    ours = {digest for path, digest in _digests(drawn).items() if path.startswith("images")}
    assert ours.isdisjoint(_digests(other).values())


def test_every_picture_carries_the_same_mark_in_the_same_corner(drawn):
    """The lower left corner is equal in all PNG files: white letters on black."""
    paths = [drawn / row["path"] for row in _rows(drawn) if row["path"].endswith(".png")]
    corners = [np.asarray(Image.open(path))[-10:, :80] for path in paths]
    assert all(np.array_equal(corner, corners[0]) for corner in corners)
    assert corners[0].min() == 0
    assert np.count_nonzero(corners[0] > 150) > 50


def test_every_file_says_in_its_metadata_that_it_is_drawn(drawn):
    """PNG text and JPEG comments both say so, and the manifest's source does."""
    for row in _rows(drawn):
        with Image.open(drawn / row["path"]) as image:
            comment = image.info.get("Comment") or image.info["comment"].decode()
        assert (
            comment == "Drawn by a program. Not a radiograph, not a patient, of no use in medicine."
        )
        assert row["source"] == "drawn"
    assert (drawn / "README.md").read_text().startswith("# Drawn radiographs: not real")


def test_the_manifest_lists_exactly_the_pictures_in_the_folder(drawn):
    """Every row's file is there, grey, at the size asked for; no file is unlisted."""
    rows = _rows(drawn)
    assert tuple(rows[0]) == COLUMNS
    assert {row["path"] for row in rows} == {
        f"images/{path.name}" for path in (drawn / "images").iterdir()
    }
    for row in rows:
        with Image.open(drawn / row["path"]) as image:
            assert image.mode == "L"
            assert min(image.size) == 128
            assert image.format == {"png": "PNG", "jpg": "JPEG"}[row["path"][-3:]]


def test_both_splits_hold_the_shares_that_are_documented():
    """15 % show COVID-19, a fifth of them with pneumonia: 29 of 192 in validation, 44 of 288."""
    films = plan_cohort(480, 0.4, 2020)
    counts = Counter((film.split, label) for film in films for label in film.labels)
    assert Counter(film.split for film in films) == {"train": 288, "validation": 192}
    assert counts["validation", "covid-19"] == 29
    assert counts["train", "covid-19"] == 44
    assert counts["validation", "normal"] == 90
    assert counts["train", "normal"] == 135


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 2**31))
def test_patients_have_one_to_three_films_in_one_split_whatever_is_asked_for(images, share, seed):
    """Films add up to the number asked for; a patient has one split, sex and age."""
    films = plan_cohort(images, share, seed)
    assert len(films) == images
    assert len({film.path for film in films}) == images
    patients = defaultdict(list)
    for film in films:
        patients[film.patient_id].append(film)
    for of_one in patients.values():
        assert [film.number for film in of_one] == list(range(1, len(of_one) + 1))
        assert len(of_one) <= 3
        assert len({(film.split, film.sex, film.age, film.labels) for film in of_one}) == 1


def test_neither_format_nor_view_nor_proportions_tell_the_class():
    """In each set of labels of each split the shares differ from the plan by one film at most."""
    groups = defaultdict(list)
    for film in plan_cohort(480, 0.4, 2020):
        groups[film.split, film.labels].append(film)
    assert len(groups) == 8
    for films in groups.values():
        assert sum(film.suffix == ".jpg" for film in films) == pytest.approx(
            0.16 * len(films), abs=1
        )
        assert sum(film.view == "AP" for film in films) == pytest.approx(0.4 * len(films), abs=1)
        assert sum(film.aspect == 1 for film in films) == pytest.approx(0.6 * len(films), abs=1)


@pytest.mark.parametrize("seed", range(6))
def test_covid_opacities_lie_in_both_lungs_and_mostly_in_their_outer_half(chest, seed):
    """Each lung has some, none lies outside, and more lies beyond the lungs' middle than within."""
    opacity = draw_peripheral_opacities(chest, np.random.default_rng(seed), 0.6)
    u = chest.frame.u
    assert opacity[u < 0].sum() > 0.15 * opacity.sum()
    assert opacity[u > 0].sum() > 0.15 * opacity.sum()
    assert not opacity[chest.lung == 0].any()
    assert opacity[abs(u) > 0.42].sum() > 0.6 * opacity.sum()


@pytest.mark.parametrize("seed", range(6))
def test_a_lobar_opacity_lies_in_one_lung(chest, seed):
    """All of it is on one side of the midline and inside the lung."""
    opacity = draw_lobar_opacity(chest, np.random.default_rng(seed), 0.6)
    right = opacity[chest.frame.u < 0].sum() / opacity.sum()
    assert min(right, 1 - right) < 0.01
    assert not opacity[chest.lung == 0].any()


def test_disease_changes_nothing_but_the_lungs(tmp_path, monkeypatch):
    """The same patient's film, sick and well: below the lungs and outside every pixel is equal."""
    films = plan_cohort(1, 0, 0)
    drawn = {}
    for labels in ({"normal"}, {"covid-19", "pneumonia"}):
        film = replace(films[0], labels=frozenset(labels), suffix=".png")
        folder = tmp_path / "-".join(sorted(labels))
        (folder / "images").mkdir(parents=True)
        dataset.draw_film(folder, SMALL, film)
        drawn[len(labels)] = np.asarray(Image.open(folder / film.path))
    differing = drawn[1] != drawn[2]
    assert 0.05 < differing.mean() < 0.5
    assert not differing[-12:].any()
    assert (drawn[2][differing].astype(int) >= drawn[1][differing]).all()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    """A manifest of real images is never overwritten."""
    (tmp_path / "manifest.csv").write_text("path\nreal.png\n")
    with pytest.raises(UsageError, match="holds other files"):
        draw_dataset(tmp_path, SMALL, jobs=1)
    assert (tmp_path / "manifest.csv").read_text() == "path\nreal.png\n"


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    """The message names it."""
    (tmp_path / "data").write_text("")
    with pytest.raises(UsageError, match="data is a file"):
        draw_dataset(tmp_path / "data", SMALL, jobs=1)


def test_drawing_again_replaces_the_earlier_pictures(tmp_path):
    """Fewer images leave none of the earlier ones behind."""
    draw_dataset(tmp_path, Drawing(4, seed=1, size=128), jobs=1)
    draw_dataset(tmp_path, Drawing(2, seed=1, size=128), jobs=1)
    assert len(list((tmp_path / "images").iterdir())) == len(_rows(tmp_path)) == 2


def test_a_drawing_that_was_stopped_leaves_no_manifest(tmp_path, monkeypatch):
    """What lists the images is written last, and the earlier list is gone."""
    draw_dataset(tmp_path, Drawing(2, seed=1, size=128), jobs=1)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "draw_film", stop)
    with pytest.raises(KeyboardInterrupt):
        draw_dataset(tmp_path, Drawing(2, seed=1, size=128), jobs=1)
    assert not (tmp_path / "manifest.csv").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Drawing(images=0), "at least 1"),
        (Drawing(size=64), "too small"),
        (Drawing(validation=1.5), "from 0 to 1"),
        (Drawing(seed=-1), "seed"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(tmp_path, wrong, message):
    """The folder is not even made."""
    with pytest.raises(UsageError, match=message):
        draw_dataset(tmp_path / "new", wrong, jobs=1)
    assert not (tmp_path / "new").exists()


def test_the_command_prints_where_the_manifest_is(tmp_path):
    """One line on stdout: its path."""
    import typer

    app = typer.Typer()
    app.command()(draw)
    out = str(tmp_path / "data")
    result = CliRunner().invoke(app, ["--out", out, "--images", "1", "--size", "128"])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "data" / "manifest.csv")


def test_no_two_people_look_like_copies_of_one_picture(tmp_path):
    """The audit's check, which was measured on real radiographs, finds no pair of two people."""
    images = read_dataset(draw_dataset(tmp_path, Drawing(images=240)), LABELS)
    survey = survey_images(images, digest_files(images, use_cache=False), use_cache=False)
    copies = find_copies(survey.thumbnails)
    people = np.array(images.groups)
    assert not (people[copies.first] != people[copies.second]).any()
