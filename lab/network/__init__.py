"""The network that the guest finds itself in: proxies, certificate authorities, Debian's mirror.

`choice` is what ``lab.yaml`` may say, `discover` what the host itself uses, and `guest`
what of both reaches the guest. ``lab/vm/network.rb`` does the same for plain Vagrant.
"""
