"""One module per change of the tables of access, in order."""
