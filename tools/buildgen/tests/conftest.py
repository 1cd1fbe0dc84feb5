from buildgen.tests.workspaces import own_cache

__all__ = ["own_cache"]
