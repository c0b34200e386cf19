"""One run, stage by stage: prepare, dense, fit, prove, export, record, report. Read `experiment` first."""
