"""What requests and answers hold: strict shapes (msgspec), which the OpenAPI document is made of."""
