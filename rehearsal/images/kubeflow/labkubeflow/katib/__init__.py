"""Katib's stand-in: experiments, suggestions and trials, and the page that lists them.

Contracts are those of Katib 0.16 (kubeflow/katib, pkg/apis/controller and pkg/controller.v1beta1).
"""
