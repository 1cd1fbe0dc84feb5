"""The worker: takes jobs from the queue, has them done, and takes over what dead workers left."""
