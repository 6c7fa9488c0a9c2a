"""Scoreboards: the chain is run on a scenario or a history with known truth, and judged by what it said."""
