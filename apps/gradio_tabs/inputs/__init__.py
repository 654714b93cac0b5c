"""Input fields of the page, and checks of the values that its events send."""
