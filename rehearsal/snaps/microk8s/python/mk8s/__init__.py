"""The stand-in for MicroK8s: the parts of its command and daemons that are more than passing arguments on.

Only Python's standard library is used, and each module imports what it needs as late as is sensible: in an
emulated machine an import costs twenty times what it costs on the host.
"""
