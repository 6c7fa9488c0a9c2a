"""What the algorithm is, for registers, auditors and citizens: made from the running configuration."""
