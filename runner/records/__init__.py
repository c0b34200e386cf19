"""Folders of runs and sweeps, and what tells later where a result came from: provenance, fingerprints."""
