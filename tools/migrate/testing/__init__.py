"""What the tests of several parts share: monoliths to migrate."""
