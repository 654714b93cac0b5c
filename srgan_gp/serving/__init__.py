"""Server of the Gradio page and the HTTP API; it treats every client as untrusted.

Look in `http` for the server and its routes, `guards` for the checks before a route, `jobs` for the
job queue, `results` for files of results, `decoding` for the decoder processes, `finetuning` for
training runs and `monitoring` for metrics. The widgets of the page are in `apps`, outside of the
package.
"""
