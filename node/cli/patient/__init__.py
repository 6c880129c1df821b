"""`concord patient` and `concord prove-complete`: the patient's own tools."""
