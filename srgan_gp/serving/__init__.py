"""The server behind the page and the HTTP API, which trusts no client.

The page's widgets are in `apps`.
"""
