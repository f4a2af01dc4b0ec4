"""This computer: its folders, devices, stored artifacts, log, and the guard that keeps it offline."""
