"""A sweep whose sweeper chooses its jobs by results: what it searches for, and what it has found."""
