"""What every room needs and what needs none of them: errors, schemas, settings, seeds, digests, wording."""
