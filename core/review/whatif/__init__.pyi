from .compare import PeopleCounts as PeopleCounts
from .compare import RunChanges as RunChanges
from .compare import compare_camera as compare_camera
from .compare import compare_runs as compare_runs
from .retrack import LoadedRun as LoadedRun
from .retrack import load_run as load_run
from .retrack import retrack_run as retrack_run
from .retrack import unused_detections as unused_detections
