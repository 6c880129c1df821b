"""`concord verify`: offline; imports nothing that opens a connection unless asked to."""
