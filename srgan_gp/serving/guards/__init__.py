"""Access control, limits, security headers and timeouts around every request.

The routes are in `serving.http`.
"""
