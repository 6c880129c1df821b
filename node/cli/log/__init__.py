"""`concord log`: read, prove, audit, mend and unfreeze logs."""
