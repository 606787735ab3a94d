"""./dev verify makes a release and has its files tested, too: PD_RELEASE is their folder."""
import os

collect_ignore = [] if "PD_RELEASE" in os.environ else ["test_files.py"]
