"""`python -m vivit_edu` is the command line of `vivit_edu.cli`."""

from vivit_edu.cli import main

raise SystemExit(main())
