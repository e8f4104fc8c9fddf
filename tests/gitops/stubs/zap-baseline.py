#!/usr/bin/env python3
"""ZAP's script as far as the pipeline counts on it: 3 for a file without /zap/wrk and for a home that can't be written."""

import getopt
import os
import shlex
import sys

options = dict(getopt.getopt(sys.argv[1:], "t:c:u:g:m:n:r:J:w:x:l:hdaijp:sz:P:D:T:IU:")[0])
mounted = tuple(os.environ["MOUNTED"].split(os.pathsep))
if {"-c", "-g", "-r", "-x", "-J", "-w", "-p", "-n"} & set(options) and not any(path.endswith("/zap/wrk") for path in mounted):
    print("A file based option has been specified but the directory '/zap/wrk' is not mounted")
    sys.exit(3)
words = shlex.split(options.get("-z", ""))
# Java takes its home from the list of users, where a user of the namespace's range isn't.
home = words[words.index("-dir") + 1] if "-dir" in words else "/"
if not home.startswith(mounted) or not os.environ["HOME"].startswith(mounted):
    print("Failed to access summary file")
    sys.exit(3)
if not options["-t"].startswith("https://"):
    sys.exit(3)
sys.exit(0 if "-I" in options else 2)
