"""What Pipelines needs in each profile: the application kfp-profile-controller."""
