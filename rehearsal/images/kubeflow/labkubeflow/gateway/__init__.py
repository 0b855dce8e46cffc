"""The stand-in for Istio's ingress gateway: nginx, which asks the gatekeeper about each request."""
