"""`concord check`, `decide`, `recall` and `notices`."""
