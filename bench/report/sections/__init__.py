"""The sections of a report: pure functions from frames to text, table and chart, one file each."""
