"""ASGI guards of every request: access control, limits, security headers and timeouts.

The routes behind them are in `serving.http`; limits of zip files in `serving.finetuning`.
"""
