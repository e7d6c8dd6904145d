"""What could make a good number mean nothing, looked at one by one in every run."""
