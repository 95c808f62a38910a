"""Published numbers on the tasks here, the protocol of each paper, and how it differs from that of a Run."""

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
