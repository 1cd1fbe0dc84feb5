"""The queue of jobs, as those see it who submit, follow and cancel them. It knows nothing of the workers' code.

A folder of its own, since it needs a database: what only shares the other contracts does not.
"""
