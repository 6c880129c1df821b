"""What the code service and its custodians keep."""
