"""The room that knows all others: settings, wiring, the loop, the wall clock, telemetry, commands."""
