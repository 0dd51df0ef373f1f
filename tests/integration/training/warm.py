"""Pods that start warm: a process that has imported the trainer, and forks a child for each pod.

Same code, exit code and termination message as the container's command, without half a minute of imports each on a busy
machine. Speaks JSON lines on stdin and stdout: {"env": {...}, "log": path} → {"code": n}.
"""

import json
import os
import sys

from perennial.runtime.training.environment import fix_threads

if __name__ == "__main__":
    fix_threads()
    from perennial.runtime.training import learn, pod, tasks  # noqa: F401 - imported for the children

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ.update(asked["env"])
            log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os._exit(pod.main())
        _, status = os.waitpid(child, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)
