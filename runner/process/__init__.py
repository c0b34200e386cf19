"""The process that a command runs in: its errors and their wording, interruption, threads, console."""
