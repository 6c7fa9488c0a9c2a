"""One module per gateway format; each is pure: bytes in, readings or a typed error out."""
