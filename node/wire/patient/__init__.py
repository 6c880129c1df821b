"""Files and requests of patients and of their keys."""
