"""Tabs of the web page: Gradio widgets and their events. The jobs run in `srgan_gp.serving`."""
