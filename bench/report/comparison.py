"""Two result folders side by side: means group by group, the difference of each, and verdicts that have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.claims.judgement import Finding
from bench.core.digest import digest_of
from bench.core.errors import UsageError
from bench.core.interval import ENOUGH, Interval
from bench.core.seeds import stream
from bench.core.wording import NO_BREAK, digits_for, estimated, plain, quantity
from bench.report.formats.write import FOLDER, write_comparison
from bench.report.inputs import ReportData, ReportInputs, prepared, read_inputs
from bench.report.section import Comparison, Entry, Section, Table
from bench.results.diff import Diff, GroupDifference, compare
from bench.results.labels import size_label
from bench.results.run import RunRecord, slug
from bench.stats.intervals import BOOTSTRAP, mean_interval

GROUPS = (
    "Task",
    "Cell",
    "Hidden × layers",
    "Settings",
    "Score",
    "Conclusion",
    "A",
    "n",
    "B",
    "n",
    "B minus A",
    "Pairs",
)

CLAIMS = ("Claim", "Data set", "Compared", "In A", "Effect in A", "In B", "Effect in B")

MOST_RUNS = 20


def compare_folders(left: Path, right: Path) -> tuple[Path, int]:
    """Write the comparison of two results directories into the report of the first.

    Return the path of the page and how many files are damaged. Raises UsageError where there is nothing to compare.
    """
    if left.resolve() == right.resolve():
        raise UsageError(f"{left} and {right} are the same directory; a comparison takes two")
    first, second = read_inputs(left), read_inputs(right)
    found = compare(first.records, second.records, (first.studies, second.studies))
    if not found.groups:
        raise UsageError(f"{left} and {right} have no task, cell and size in common")
    comparison = compared(first, second, found)
    name = right.resolve().name
    stem = slug(name) if slug(name) == name else f"{slug(name)}-{digest_of(name)[:6]}"
    page = write_comparison(comparison, left / FOLDER, f"compare-{stem}")
    return page, len(first.damaged) + len(second.damaged)


def compared(left: ReportInputs, right: ReportInputs, found: Diff) -> Comparison:
    """Return the comparison of the inputs of two reports, given how their records differ."""
    damaged = [*(f"A: {text}" for text in sorted(left.damaged)), *(f"B: {text}" for text in sorted(right.damaged))]
    names = f"{plain(left.name, 60)} (A) and {plain(right.name, 60)} (B)"
    return Comparison(
        name=names,
        facts=(
            f"A: {quantity(len(left.records), 'run')}",
            f"B: {quantity(len(right.records), 'run')}",
            f"{len(found.identical):,} identical to the last bit",
            f"{len(found.different):,} different",
            f"{len(found.only_left):,} only in A",
            f"{len(found.only_right):,} only in B",
        ),
        notes=tuple(plain(f"Damaged and left out: {text}", 300) for text in damaged),
        sections=(_groups(found.groups), _claims(prepared(left), prepared(right)), _runs(found)),
    )


def _groups(groups: Sequence[GroupDifference]) -> Section:
    counts = [sum(group.conclusion == word for group in groups) for word in ("different", "not told apart")]
    rest = len(groups) - sum(counts)
    text = (
        f"Of {quantity(len(groups), 'group')} that both have, {counts[0]} differ, {counts[1]} are not told apart, and "
        f"{rest} cannot be judged."
    )
    caption = (
        f"A, B: mean over n runs that finished, with its 95 % {BOOTSTRAP} interval. B minus A: over the seeds or "
        "replications that both have, paired, where there are enough, else over all (Welch), with its 95 % interval. "
        f"Different: the interval excludes zero; it takes {ENOUGH} runs. Each group is judged by itself: without "
        "any difference, about one in twenty still looks different."
    )
    rows = tuple(
        _group(group) for group in sorted(groups, key=lambda group: (group.conclusion != "different", group.condition))
    )
    used = [i for i in range(len(GROUPS)) if any(row[i].text for row in rows)]
    table = Table(tuple(GROUPS[i] for i in used), tuple(tuple(row[i] for i in used) for row in rows), caption)
    return Section("Scores", (text,), table, anchor="scores")


def _group(group: GroupDifference) -> tuple[Entry, ...]:
    task, cell, hidden_size, num_layers = group.condition
    label = f"compare:{task}:{cell}:{hidden_size}:{num_layers}:{group.label}:{group.metric}"
    seed = stream("bootstrap", label=label)
    means = [mean_interval(list(side.values()), seed=seed) if side else None for side in group.sides]
    known = [each for each in (*means, group.interval) if each is not None]
    digits = digits_for([(each.low, each.high) for each in known])
    sides = [f"{side}: {text}" for side, text in group.settings.items() if text]
    settings = "; ".join([group.label, *sides] if group.label else sides)
    return (
        Entry(plain(task, 60)),
        Entry(plain(cell, 40)),
        Entry(size_label(hidden_size, num_layers), hidden_size + num_layers / 1000),
        Entry(plain(settings, 200)),
        Entry(group.metric),
        Entry(group.conclusion),
        *chain.from_iterable((_number(mean, digits), _count(mean)) for mean in means),
        _number(group.interval, digits),
        Entry("" if group.interval is None else f"{group.interval.n} ({group.interval.kind})"),
    )


def _count(found: Interval | None) -> Entry:
    return Entry("") if found is None else Entry(str(found.n), found.n)


def _number(found: Interval | None, digits: int) -> Entry:
    return Entry("") if found is None else Entry(estimated(found, digits), found.mean)


def _claims(left: ReportData, right: ReportData) -> Section:
    """Return the claims that both folders can test and whose verdicts differ."""
    first, second = (dict(_verdicts(side.findings)) for side in (left, right))
    both = sorted(first.keys() & second.keys())
    changed = [key for key in both if first[key].word != second[key].word]
    text = f"{len(changed) or 'None'} of the {quantity(len(both), 'verdict')} that both give."
    alone = {"A": first.keys() - second.keys(), "B": second.keys() - first.keys()}
    text += "".join(
        f" Only {side} gives {quantity(len(keys), 'verdict')} more." for side, keys in alone.items() if keys
    )
    rows = tuple(
        (
            Entry(first[key].sentence),
            Entry(key[1]),
            Entry(first[key].sides),
            *chain.from_iterable((Entry(side[key].word), Entry(side[key].effect)) for side in (first, second)),
        )
        for key in changed
    )
    table = Table(CLAIMS, rows, "Effect: of the two compared, with its interval and n.") if rows else None
    return Section("Claims whose verdict has changed", (text,), table, anchor="changed")


@dataclass(frozen=True)
class _Verdict:
    """One verdict of a claim as the comparison shows it."""

    sentence: str
    sides: str
    word: str
    effect: str


def _verdicts(findings: Sequence[Finding]) -> Iterator[tuple[tuple[str, str], _Verdict]]:
    """Yield each verdict of the claims that were tested, by the claim's name and its data set."""
    for finding in findings:
        sentence = plain(finding.claim.sentence, 300)
        for result in finding.tested:
            if result.found is not None:
                found = result.found.card.interval
                effect = f"{estimated(found)}, n{NO_BREAK}={NO_BREAK}{found.n}"
                key = finding.claim.name, plain(result.task_label, 80)
                yield key, _Verdict(sentence, plain(result.found.sides, 80), result.word, effect)


def _runs(found: Diff) -> Section:
    lists = {
        "Only in A": [record.run.label for record in found.only_left],
        "Only in B": [record.run.label for record in found.only_right],
        "Same run, other outcome": [_label(pair.left) for pair in found.different],
    }
    rows = [(name, label) for name, labels in lists.items() for label in labels[:MOST_RUNS]]
    cut = sum(max(0, len(labels) - MOST_RUNS) for labels in lists.values())
    heading = "Runs that differ"
    if not rows:
        return Section(
            heading, ("None: both hold the same runs with the same outcomes, to the last bit.",), anchor="runs"
        )
    caption = f"{quantity(len(rows), 'run')}" + (f" and {cut:,} more; `diff A B --json` lists all." if cut else ".")
    entries = tuple((Entry(where), Entry(label)) for where, label in rows)
    return Section(heading, (), Table(("Where", "Run"), entries, caption), anchor="runs")


def _label(record: RunRecord) -> str:
    return record.run.label
