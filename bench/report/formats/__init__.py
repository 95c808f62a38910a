"""Formats: a document as a page, Markdown, CSV, JSON, LaTeX and lines in a terminal."""
