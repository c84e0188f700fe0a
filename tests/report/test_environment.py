"""Where templates are found, and what escapes."""

from __future__ import annotations

import pytest

from covidreport.errors import CovidReportError
from covidreport.report import environment
from covidreport.report.environment import find_templates, render_template
from covidreport.report.prose import Writer


def _template(folder, name="report.html.j2", text="x"):
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    return folder


def test_the_checkout_has_them_beside_the_package():
    """An editable install finds the templates of the checkout."""
    assert (find_templates() / "report.html.j2").is_file()


def test_a_wheel_has_them_inside_the_package(tmp_path):
    """The folder inside the package goes first: a wheel may lie beside another `templates`."""
    inside = _template(tmp_path / "site-packages" / "covidreport" / "templates")
    _template(tmp_path / "site-packages" / "templates")

    assert find_templates(tmp_path / "site-packages" / "covidreport") == inside


def test_missing_templates_are_an_error_that_says_where_they_should_be(tmp_path):
    """A broken installation is named as one."""
    package = tmp_path / "covidreport"

    with pytest.raises(CovidReportError, match="install covidreport again") as caught:
        find_templates(package)

    assert str(package / "templates") in str(caught.value)


def test_all_that_a_template_prints_is_escaped(tmp_path, monkeypatch):
    """Values, parts of expressions and what macros were given; the template's own text is not."""
    folder = tmp_path / "templates"
    text = "{% macro m(x) %}<{{ x }}>{% endmacro %}<p>{{ a }}{{ m(a) }}{{ a ~ 1 }}</p>"
    _template(folder, "t.j2", text)
    monkeypatch.setattr(environment, "find_templates", lambda: folder)

    assert (
        render_template("t.j2", {"a": "&"}, Writer(lambda s: f"[{s}]", str))
        == "<p>[&]<[&]>[&1]</p>"
    )


def test_a_name_that_nobody_gave_is_an_error(tmp_path, monkeypatch):
    """A report never has an empty place where a figure should be."""
    from jinja2 import UndefinedError

    folder = _template(tmp_path / "templates", "t.j2", "{{ view.nothing }}")
    monkeypatch.setattr(environment, "find_templates", lambda: folder)

    with pytest.raises(UndefinedError):
        render_template("t.j2", {"view": object()}, Writer(str, str))
