"""Advisories over HTTP: routes read the store and record people's decisions, and compute nothing."""
