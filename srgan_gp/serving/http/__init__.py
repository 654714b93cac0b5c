"""Server, routes, forms and documents of the HTTP API, and the mounted page.

What is refused before a route runs is in `serving.guards`.
"""
