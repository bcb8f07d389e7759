"""Whatever may come from outside, by the thousand: the API as described, and what reads foreign bytes."""
