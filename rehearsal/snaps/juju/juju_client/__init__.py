"""A stand-in for the Juju client: thin commands over one call to the controller in the cluster."""

VERSION = "3.4.6"
