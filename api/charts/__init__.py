"""Specifications of the charts, one file each: rows in, a Vega-Lite specification and its text twin out."""
