"""What a checkout is worked on with (./dev). Standard library only; no part of a running node."""
