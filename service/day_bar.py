"""A bar of days on a terminal, for commands that walk through years."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["day_bar"]


def day_bar(console: Console) -> Progress:
    """Make a bar that counts days; nothing is drawn where the console is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} days"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
