"""Routes, one file per kind of thing: each parses, asks the store and answers."""
