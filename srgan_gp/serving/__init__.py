"""What a page for strangers needs and a widget does not: limits, a queue, decoding apart."""
