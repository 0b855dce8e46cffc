"""Stand-ins for the applications of Kubeflow: each is as thin as its contract allows."""
