"""Numbers in print that concern the tasks here, what each paper did, and how that differs from a Run."""

from bench.claims.published.difference import Comparable as Comparable
from bench.claims.published.difference import Difference as Difference
from bench.claims.published.difference import Here as Here
from bench.claims.published.difference import comparable as comparable
from bench.claims.published.difference import differences as differences
from bench.claims.published.numbers import Number as Number
from bench.claims.published.numbers import numbers as numbers
from bench.claims.published.protocol import Facts as Facts
from bench.claims.published.protocol import Protocol as Protocol
from bench.claims.published.protocol import facts_of as facts_of
from bench.claims.published.protocol import here as here
from bench.claims.published.protocol import protocols as protocols
