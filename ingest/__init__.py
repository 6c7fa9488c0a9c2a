"""Acquisition: bytes and topics become arrays; nothing in here scores or stores."""
