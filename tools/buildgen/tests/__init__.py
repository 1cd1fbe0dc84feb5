"""Tests of buildgen."""
