"""Commands of `schouw`, one file a topic; `service.cli` puts them together."""
