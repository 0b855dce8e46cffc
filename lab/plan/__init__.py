"""The plan: the steps of the documented sequence, and what carries them out."""
