"""What the stand-ins share: web application and server, options, the Kubernetes API."""
