"""The stand-ins for identity: Dex, where people type their password, and the OIDC gatekeeper.

Contracts: dexidp/dex 2.36 (server/handlers.go), arrikto/oidc-authservice (server.go, oidc/state.go,
e2e/e2e_test.go), and how the charms dex-auth and oidc-gatekeeper configure them.
"""

from __future__ import annotations

CLIENT_ID = "authservice-oidc"
"""The one client that Dex knows: the gatekeeper."""

CALLBACK = "/authservice/oidc/callback"
"""Where Dex sends people back to; a path, so that it is right under each name of the gateway."""
