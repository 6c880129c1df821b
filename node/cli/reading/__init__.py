"""`concord find`, `retrieve`, `emergency` and `outbox`."""
