"""The second stage alone, over what a full run gave it each day: minutes where a full run takes a quarter of an hour.

A recording holds the first stage's columns of every asset as they were at the end of each day. What late readings
changed afterwards is not in it, so a replay of a run with late readings differs a little from the run.
"""
