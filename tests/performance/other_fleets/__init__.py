"""Fleets with other physics than the simulator's, to see what was learnt about structures and what about the simulator.

Nothing here is shared with `simulator/`: no equation, no constant, no event. `python -m tests.performance.other_fleets
1 2 3` draws three such fleets, puts their messages through the real chain in process, and prints the scoreboard.
"""
