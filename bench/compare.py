"""Two result folders side by side: means group by group, the difference of each, and verdicts that have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from bench.claims.finding import Finding
from bench.diff import Diff, GroupDifference, compare
from bench.errors import UsageError
from bench.publish import material_of
from bench.records import RunRecord, slug
from bench.report.files import FOLDER, write_comparison
from bench.report.gathered import Gathered, gathered
from bench.report.material import Material
from bench.report.naming import size_label
from bench.report.section import Comparison, Entry, Section, Table
from bench.report.wording import digits_for, interval, number, plain, quantity
from bench.sealing import digest_of
from bench.seeds import stream
from bench.stats.intervals import BOOTSTRAP, ENOUGH, Interval, mean_interval

GROUPS = ("Task", "Cell", "Hidden × layers", "Settings", "Score", "Verdict", "A", "n", "B", "n", "B minus A", "Pairs")

CLAIMS = ("Claim", "Data set", "In A", "In B", "Effect in A", "Effect in B")

NOT_TESTED = "not tested"

MOST_RUNS = 50


def compare_folders(left: Path, right: Path) -> tuple[Path, int]:
    """Write the comparison of two results directories into the report of the first.

    Return the path of the page and how many files are damaged. Raises UsageError where there is nothing to compare.
    """
    if left.resolve() == right.resolve():
        raise UsageError(f"{left} and {right} are the same directory; a comparison takes two")
    first, second = material_of(left), material_of(right)
    found = compare(first.records, second.records)
    if not found.groups:
        raise UsageError(f"{left} and {right} have no task, cell and size in common")
    comparison = compared(first, second, found)
    name = right.resolve().name
    stem = slug(name) if slug(name) == name else f"{slug(name)}-{digest_of(name)[:6]}"
    page = write_comparison(comparison, left / FOLDER, f"compare-{stem}")
    return page, len(first.damaged) + len(second.damaged)


def compared(left: Material, right: Material, found: Diff) -> Comparison:
    """Return the comparison of the materials of two reports, given how their records differ."""
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
        sections=(_groups(found.groups), _claims(gathered(left), gathered(right)), _runs(found)),
    )


def _groups(groups: Sequence[GroupDifference]) -> Section:
    counts = [sum(group.verdict == word for group in groups) for word in ("different", "not told apart")]
    rest = len(groups) - sum(counts)
    text = (
        f"Of {quantity(len(groups), 'group')} that both have, {counts[0]} differ, {counts[1]} are not told apart, and "
        f"{rest} cannot be judged."
    )
    caption = (
        f"A, B: mean over n seeds that ended as done, with its 95 % {BOOTSTRAP} interval. B minus A: over the seeds "
        "that both have, paired, where there are enough, else over all (Welch), with its 95 % interval. Different: the "
        f"interval leaves out zero; it takes {ENOUGH} seeds. Each group is judged by itself: without any difference, "
        "about one in twenty still looks different."
    )
    rows = tuple(
        _group(group) for group in sorted(groups, key=lambda group: (group.verdict != "different", group.place))
    )
    used = [i for i in range(len(GROUPS)) if any(row[i].text for row in rows)]
    table = Table(tuple(GROUPS[i] for i in used), tuple(tuple(row[i] for i in used) for row in rows), caption)
    return Section("Scores", (text,), table, anchor="scores")


def _group(group: GroupDifference) -> tuple[Entry, ...]:
    task, cell, hidden_size, num_layers = group.place
    label = f"compare:{task}:{cell}:{hidden_size}:{num_layers}:{group.metric}"
    means = [mean_interval(list(side.values()), seed=stream("bootstrap", label=label)) for side in group.sides]
    apart = [group.interval] if group.interval is not None else []
    digits = digits_for([(each.low, each.high) for each in (*means, *apart)])
    settings = "; ".join(f"{side}: {text}" for side, text in group.settings.items() if text)
    return (
        Entry(plain(task, 60)),
        Entry(plain(cell, 40)),
        Entry(size_label(hidden_size, num_layers), hidden_size + num_layers / 1000),
        Entry(plain(settings, 200)),
        Entry(group.metric),
        Entry(group.verdict),
        *chain.from_iterable((_number(mean, digits), Entry(str(mean.n), mean.n)) for mean in means),
        _number(group.interval, digits),
        Entry("" if group.interval is None else f"{group.interval.n} ({group.interval.kind})"),
    )


def _number(found: Interval | None, digits: int) -> Entry:
    if found is None:
        return Entry("")
    return Entry(f"{number(found.mean, digits)} {interval(found.low, found.high, digits)}".strip(), found.mean)


def _claims(left: Gathered, right: Gathered) -> Section:
    """Return the claims whose verdict is another word in B than in A."""
    first, second = (dict(_verdicts(side.findings)) for side in (left, right))
    both = sorted(first.keys() | second.keys())
    pairs = {place: (first.get(place, _NONE), second.get(place, _NONE)) for place in both}
    changed = {place: pair for place, pair in pairs.items() if pair[0][1] != pair[1][1]}
    heading = "Claims whose verdict has changed"
    if not changed:
        n = quantity(len({claim for claim, _ in both}), "claim")
        same = (
            f"None: {n} that can be tested here have the same verdicts in both." if both else "No claim can be tested."
        )
        return Section(heading, (same,), anchor="claims")
    rows = tuple(
        (Entry(a[0] or b[0]), Entry(task), Entry(a[1]), Entry(b[1]), Entry(a[2]), Entry(b[2]))
        for (_, task), (a, b) in changed.items()
    )
    text = f"{quantity(len(changed), 'verdict')} of {len(both)} changed; the others are the same word in both."
    caption = "Effect: left minus right, or left over right, as the claim has it, with its interval."
    return Section(heading, (text,), Table(CLAIMS, rows, caption), anchor="claims")


_NONE = ("", NOT_TESTED, "")


def _verdicts(findings: Sequence[Finding]) -> Iterator[tuple[tuple[str, str], tuple[str, str, str]]]:
    """Yield sentence, verdict and effect of each claim that was tested, by its name and data set."""
    for finding in findings:
        for result in finding.tested:
            if result.verdict is not None:
                wide = result.verdict.estimate.wide
                effect = f"{result.sides}: {_number(wide, digits_for([(wide.low, wide.high)])).text} (n = {wide.n})"
                sentence = plain(finding.claim.sentence, 300)
                yield (finding.claim.name, plain(result.task_label, 80)), (sentence, result.word, plain(effect, 120))


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
