"""Numbers in print that concern the tasks here, what each paper did, and how that differs from a Run."""

from bench.published.difference import Comparable as Comparable
from bench.published.difference import Difference as Difference
from bench.published.difference import Here as Here
from bench.published.difference import comparable as comparable
from bench.published.difference import differences as differences
from bench.published.numbers import Number as Number
from bench.published.numbers import numbers as numbers
from bench.published.protocol import Facts as Facts
from bench.published.protocol import Protocol as Protocol
from bench.published.protocol import facts_of as facts_of
from bench.published.protocol import here as here
from bench.published.protocol import protocols as protocols
