"""From a Python monolith to services over shared libraries: plan, apply, verify, roll back."""
