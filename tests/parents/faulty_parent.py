"""The parent application with one named fault: `python faulty_parent.py NAME`.

It is this short since Python compiles what it is started with every time, and imports just once.
"""

import sys

import parent
from faults import FAULTS

_, fault = FAULTS[sys.argv[1]]
fault()
parent.main()
