"""The application admission-webhook: pods of profiles get what the PodDefaults of their namespace say."""
