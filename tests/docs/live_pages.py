"""Which pages have commands for a cluster, in the order in which the test types them: the quick start makes what the others look at,
and takes it away at its end."""
IN_ORDER = ("quick-start", "from-the-script", "troubleshooting", "operations")
LAST_SECTION = "5."  # of the quick start: it removes all
