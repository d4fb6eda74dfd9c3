"""Subscribers to the events of a run."""
