"""The object store: rclone serves S3; what is ours is only how it gets its keys."""
