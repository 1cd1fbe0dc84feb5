"""Moving one module, beside rope and LibCST, on the same repository in the same run."""
