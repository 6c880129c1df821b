"""`concord consortium` and `concord trust`."""
