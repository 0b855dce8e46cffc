"""The stand-in for the central dashboard: a page with links, and the API that tells who the user is.

Contracts: kubeflow/kubeflow v1.8-branch, components/centraldashboard/app/ (api.ts, api_workgroup.ts,
attach_user_middleware.ts).
"""
