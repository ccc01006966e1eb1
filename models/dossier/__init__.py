"""A score that an auditor recomputes without us: one folder from raw records to the PD."""
