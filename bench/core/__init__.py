"""Foundations of every room, importing none of them: errors, schemas, settings, seeds, digests, wording."""
