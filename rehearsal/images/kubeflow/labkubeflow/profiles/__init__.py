"""Profiles: the controller that makes a user's namespace, and the access API (KFAM) for the dashboard."""
