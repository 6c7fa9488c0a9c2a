"""One small protocol per kind of record, and the implementations behind it."""
