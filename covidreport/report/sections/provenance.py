"""Where figures come from: the data, the models, what ran them, by which command, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from covidreport.records import Evaluation, RecordedReference, ReportData, ReportedRun
from covidreport.report.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Count,
    Fact,
    Facts,
    Group,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.facts import is_time, list_facts, list_times
from covidreport.report.index import Index
from covidreport.text import (
    DASH,
    clean,
    humanise,
    listed,
    plural,
    titled,
)

_DIGITS = 12
"""Of a fingerprint or digest that are shown; all of them stand with each run."""
_NOT_VERSIONS = frozenset({"providers_in_build"})


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """All that the report and its evaluations recorded of their making."""
    evaluated = [(one, _evaluations(one)) for one in index.runs if _evaluations(one)]
    common, models = _describe_models(evaluated, index)
    facts = (*_describe_report(data), *common)
    times = _list_times(data, index)
    blocks: list[Block | None] = [
        Group(facts, layout="columns") if facts else None,
        _list_data(evaluated),
        models,
        _list_calls(data, evaluated),
        times and Group((times,), "Times and durations", state="folded"),
    ]
    return (
        Section(
            "provenance", "Provenance", tuple(block for block in blocks if block is not None),
            part="appendix", gist="Data, models, versions, commands and times",
        ),
    )  # fmt: skip


def _evaluations(reported: ReportedRun) -> tuple[Evaluation, ...]:
    return tuple(one for one in (reported.evaluation, *reported.others) if one is not None)


def _describe_report(data: ReportData) -> tuple[Facts, ...]:
    """What the report says of itself, times and its command left out."""
    alone = {
        key: value
        for key, value in data.provenance.items()
        if not isinstance(value, Mapping) and key != "command"
    }
    groups = [Facts(list_facts(alone), "Report")]
    for key, value in data.provenance.items():
        if isinstance(value, Mapping) and not is_time(str(key)):
            groups.append(Facts(list_facts(value), titled(humanise(str(key)))))
    return tuple(group for group in groups if group.facts)


def _list_data(
    evaluated: Sequence[tuple[ReportedRun, tuple[Evaluation, ...]]],
) -> Table | None:
    """A row for each set of images that runs were evaluated on."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for reported, evaluations in evaluated:
        for one in (*evaluations, *reported.elsewhere):
            key = (
                one.dataset, one.split, str(one.n_images),
                "" if one.n_groups is None else str(one.n_groups), one.fingerprint or "",
                one.facts.source or str(one.provenance.get("counts_from", "")),
            )  # fmt: skip
            rows.setdefault(key, []).append(reported.run.name)
    if not rows:
        return None
    return Table(
        "Data: the same fingerprint means the same bytes of the same images, with the same truth",
        (
            Column("Data set", kind="name"), Column("Split"), Column("Images", kind="count"),
            Column("Patients", kind="count"), Column("Fingerprint", kind="code"),
            Column("Read from"), Column("Runs", kind="count"),
        ),
        tuple(
            Row((
                Text(dataset), Text(split), Count(int(images)),
                Count(int(groups) if groups else None),
                _digest(fingerprint), Text(source or DASH), Count(len(set(runs))),
            ))
            for (dataset, split, images, groups, fingerprint, source), runs in rows.items()
        ),
    )  # fmt: skip


def _describe_models(
    evaluated: Sequence[tuple[ReportedRun, tuple[Evaluation, ...]]], index: Index
) -> tuple[tuple[Facts, ...], Table | None]:
    """What all runs have in common, and a table of the rest: a row a run, its model first."""
    facts = {
        reported.run.name: _origins(reported) | _join([_facts(one) for one in reported.usual])
        for reported, _ in evaluated
    }
    names = list(dict.fromkeys(name for each in facts.values() for name in each))
    common = {
        name: values.pop()
        for name in names
        if len(values := {each.get(name, DASH) for each in facts.values()}) == 1
    }
    told = tuple(Fact(name, Text(value)) for name, value in common.items() if value != DASH)
    groups = (Facts(told, "All evaluations"),) if told else ()
    differ = [name for name in names if name not in common]
    digests = {reported.run.name: _join_digests(evaluations) for reported, evaluations in evaluated}
    if not differ and not any(digests.values()):
        return groups, None
    head = (
        Column("Run", kind="name"), Column("Model", "SHA-256", kind="code"),
        *(Column(name) for name in differ),
    )  # fmt: skip
    rows = tuple(
        Row((
            index.link(name), _digest(digests[name]),
            *(Text(each.get(column, DASH)) for column in differ),
        ))
        for name, each in facts.items()
    )  # fmt: skip
    return groups, Table("Models, and what ran them", head, rows)


def _origins(reported: ReportedRun) -> dict[str, str]:
    """Whether this machine computed what the run shows, or the run folder claims it."""
    if reported.scores_from is None:
        return {}
    stored = reported.scores_from == "as stored"
    facts = {"Scores": "as stored, not computed here" if stored else "computed here"}
    if reported.thresholds_written_here is not None:
        tuned = reported.thresholds_written_here
        facts["Tuned thresholds"] = "written here" if tuned else "as stored, not tuned here"
    return facts


def _facts(evaluation: Evaluation) -> dict[str, str]:
    """What a reader asks of how figures were made; everything else stands with the run."""
    recorded = evaluation.facts
    provider, versions = recorded.provider or {}, recorded.versions or {}
    machine = recorded.machine or {}
    libraries = provider.get("libraries") or {}
    facts = {
        "Figures from": _name_source(evaluation),
        "Thresholds from": evaluation.thresholds_from,
        "Provider": _provider(provider),
        "Card": provider.get("card"),
        "Libraries of the card": ", ".join(f"{name} {value}" for name, value in libraries.items()),
        "Precision": provider.get("precision"),
        "Reference answers": _describe_reference(recorded.reference),
        "Batch": recorded.batch,
        "Machine": " ".join(str(value) for value in machine.values()) or None,
        "Versions": ", ".join(
            f"{name} {value}" for name, value in versions.items() if name not in _NOT_VERSIONS
        ),
    }
    return {name: clean(value) for name, value in facts.items() if value not in (None, "")}


def _name_source(evaluation: Evaluation) -> str:
    if evaluation.has_scores:
        return "scores of each image"
    source = evaluation.provenance.get("counts_from")
    return f"counts alone, from {source}" if source else "counts alone"


def _describe_reference(replayed: RecordedReference | None) -> str | None:
    """How far what ran the model lies from what its reference answers are of."""
    if replayed is None:
        return None
    rounding = f"{replayed.limit:g} is rounding"
    return f"probabilities within {replayed.difference:.1g} of {replayed.source} ({rounding})"


def _provider(provider: Mapping[str, Any]) -> str | None:
    ran, asked = provider.get("ran"), provider.get("asked")
    return f"{ran}, asked for as {asked}" if ran and asked and ran != asked else ran


def _join(facts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The facts of a run's evaluations as one: what differs between them stands in a list."""
    names = dict.fromkeys(name for each in facts for name in each)
    return {
        name: "; ".join(dict.fromkeys(each[name] for each in facts if name in each))
        for name in names
    }


def _join_digests(evaluations: Sequence[Evaluation]) -> str:
    """The digest of the model that was evaluated; several where it was changed in between."""
    found = (one.facts.model_sha256 for one in evaluations)
    return "; ".join(dict.fromkeys(digest for digest in found if digest))


def _digest(digests: str) -> Cell:
    """The first digits of one or several digests, all of them where the cell is sorted."""
    short = "; ".join(one[:_DIGITS] for one in digests.split("; "))
    return Code(short) if short else Text(DASH)


def _list_calls(
    data: ReportData, evaluated: Sequence[tuple[ReportedRun, tuple[Evaluation, ...]]]
) -> Table | None:
    """The commands that were called, each once, with what it made, in the order of their calls."""
    made: dict[str, dict[str, set[str]]] = {}
    first: dict[str, str] = {}
    for _, evaluations in evaluated:
        for one in evaluations:
            for when, command, what in _list_commands(one):
                things = made.setdefault(command, {})
                things.setdefault(what, set()).add(one.run)
                first[command] = min(when, first.get(command, when))
    rows = [
        (
            command,
            listed([f"{plural(len(n), 'run')} {what}" for what, n in made[command].items()]),
        )
        for command in sorted(made, key=lambda command: first[command])
    ]
    if data.provenance.get("command"):
        rows.append((str(data.provenance["command"]), "this report"))
    if not rows:
        return None
    return Table(
        "Commands as they were called",
        (Column("Command", kind="code"), Column("Made")),
        tuple(Row((Code(command), Text(what))) for command, what in rows),
    )


def _list_commands(one: Evaluation) -> Iterator[tuple[str, str, str]]:
    """When, by which command, and what was made: scores, and thresholds that were set since."""
    split = clean(one.split)
    times, tuning = one.times, one.facts.tuning
    elsewhere = clean((tuning and tuning.split) or "another split")
    for called, what in (
        (times, f"on {split}"),
        (times.thresholds_tuned, f"tuned on {elsewhere}"),
        (times.thresholds_set, f"at other thresholds on {split}"),
    ):
        if called is not None and called.command:
            yield called.finished or "", called.command, what


def _list_times(data: ReportData, index: Index) -> Table | None:
    """All time stamps and durations, of the report and of its evaluations: the one such place."""
    rows = [_times_row(Text("This report"), "", list_times(data.provenance))]
    for reported in index.runs:
        name = index.link(reported.run.name)
        rows.append(_times_row(name, "", list_times(reported.run.settings)))
        for evaluation in _evaluations(reported):
            times = list_times({"timing": evaluation.timing, **evaluation.provenance})
            split = ", ".join(filter(None, (evaluation.split, evaluation.variant)))
            rows.append(_times_row(name, clean(split), times))
    told = tuple(row for row in rows if row is not None)
    head = (Column("Of", kind="name"), Column("Split"), Column("When, and how long"))
    caption = (
        "Times and durations: two reports of the same evidence differ here and in the commands, "
        "nowhere else"
    )
    return Table(caption, head, told, "dense") if told else None


def _times_row(name: Cell, split: str, times: Sequence[str]) -> Row | None:
    return Row((name, Text(split), Text("; ".join(times)))) if times else None
