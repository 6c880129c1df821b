"""`concord audit`: trails, findings, figures and the export, asked of a node."""
