"""What a node reads from others over HTTP: their logs. Nothing that they answer is believed unless a signed head proves it."""
