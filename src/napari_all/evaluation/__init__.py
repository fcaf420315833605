"""Measures of how good a result is, as small pure functions."""
