"""The page of Pipelines, and the way to its API behind the gateway."""
